import { CtrError } from "../../core/errors.ts";

/** What the environment's SOURCE_DATE_EPOCH says, for outputs that are the same on every day. Throws InvalidArgument. */
export function sourceDateEpoch(): Date | undefined {
  const value = process.env.SOURCE_DATE_EPOCH;
  if (value === undefined || value === "") return undefined;
  const date = /^-?\d{1,15}$/.test(value) ? new Date(Number(value) * 1000) : undefined;
  if (date === undefined || Number.isNaN(date.getTime())) {
    throw new CtrError("InvalidArgument", `SOURCE_DATE_EPOCH value ${JSON.stringify(value)}`);
  }
  return date;
}
