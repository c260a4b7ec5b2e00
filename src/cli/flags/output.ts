import type { Flag } from "./flag.ts";
import { BadValue } from "./values.ts";

export type OutputFormat = "table" | "json";

const FORMATS: readonly OutputFormat[] = ["table", "json"];

/** On every command that lists or describes. */
export const outputFlag: Flag<OutputFormat> = {
  kind: "value",
  alias: "o",
  summary: "how to print: table or json",
  placeholder: "FORMAT",
  default: "table",
  completion: FORMATS,
  parse: (text) => {
    if (!FORMATS.includes(text as OutputFormat)) throw new BadValue("must be table or json");
    return text;
  },
};
