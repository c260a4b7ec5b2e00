/** One way a server lets itself be authenticated to: RFC 9110, 11.6.1. Names are in lower case. */
export interface Challenge {
  scheme: string;
  parameters: Readonly<Record<string, string>>;
}

const LONGEST_HEADER = 16 * 1024;
const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = new RegExp(`^(${TOKEN})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|([^\\s",]+))`);
const SCHEME = new RegExp(`^(${TOKEN})(?=[ \\t,]|$)`);

/**
 * Reads a WWW-Authenticate header, or several that were joined: a list of challenges whose parameters are a list as
 * well. What cannot be read is passed over, so that a known challenge beside it still counts.
 */
export function parseChallenges(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header.slice(0, LONGEST_HEADER);
  for (;;) {
    rest = rest.replace(/^[\s,]+/, "");
    if (rest === "") return challenges;
    const parameter = PARAMETER.exec(rest);
    const scheme = parameter ? undefined : SCHEME.exec(rest);
    const current = challenges.at(-1);
    if (parameter && current) {
      const [, name = "", quoted, bare] = parameter;
      const key = name.toLowerCase();
      // The first wins: a second realm would be somebody's attempt to be overlooked.
      if (!Object.hasOwn(current.parameters, key)) {
        current.parameters[key] = quoted?.replace(/\\(.)/g, "$1") ?? bare ?? "";
      }
    } else if (scheme) {
      challenges.push({ scheme: scheme[1]!.toLowerCase(), parameters: Object.create(null) });
    }
    const taken = (parameter ?? scheme)?.[0].length ?? passOver(rest);
    rest = rest.slice(taken);
  }
}

/** The length of what cannot be read: up to the next comma or blank. */
function passOver(rest: string): number {
  const length = rest.search(/[\s,]/);
  return length < 0 ? rest.length : Math.max(length, 1);
}
