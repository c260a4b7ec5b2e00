import { writeOut } from "../output.ts";
import { parseGlobals } from "../parse.ts";
import { propose } from "./complete.ts";

/**
 * What completions/ call: one candidate to a line, with a tab and a note where there is one. A line `:files` or
 * `:directories` leaves the answer to the shell. A failure proposes nothing, for there is nobody to tell.
 */
export async function runCompletion(words: readonly string[]): Promise<number> {
  try {
    const proposal = await propose(words);
    if (proposal.kind === "words") {
      writeOut(proposal.candidates.map(({ text, note }) => `${text}${note ? `\t${note}` : ""}\n`).join(""));
    } else if (proposal.kind === "objects") {
      const { of, globals, prefix, before } = proposal;
      if (of === "files" || of === "directories") {
        writeOut(`:${of}\n`);
        return 0;
      }
      const { objectNames } = await import("./objects.ts");
      const names = await objectNames(of, parseGlobals(globals));
      const matching = names.filter((name) => name.startsWith(prefix));
      writeOut(matching.map((name) => `${before}${name}\n`).join(""));
    }
    return 0;
  } catch {
    return 1;
  }
}
