const LONGEST = 150;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
const UNSEEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** A stranger's text inside of a message: in quotes, on one line, without power over terminals, at most 150 characters of it. */
export function quote(text: string): string {
  return withoutPower(JSON.stringify(text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text));
}

/** The same text, in which nothing has power over terminals or is unseen: `\u001b` for an escape. */
export const withoutPower = (text: string): string => text.replace(UNSEEN, escaped);

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
