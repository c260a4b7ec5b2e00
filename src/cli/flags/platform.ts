import { withSubject } from "../../core/errors.ts";
import { type Platform, parsePlatform } from "../../core/platform.ts";

/** Throws InvalidArgument in ctr's words. */
export function platformOf(text: string): Platform {
  try {
    return parsePlatform(text);
  } catch (error) {
    throw withSubject(`invalid platform ${text}`, error);
  }
}
