/** A blob's part that a response says it brings: RFC 9110, 14.4. */
export interface ContentRange {
  first: number;
  /** Undefined when the server does not say (`*`). */
  total: number | undefined;
}

/** Undefined when it cannot be read. */
export function parseContentRange(header: string | null): ContentRange | undefined {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16}|\*)$/.exec(header ?? "");
  if (!match) return undefined;
  const [, first, , total] = match;
  return { first: Number(first), total: total === "*" ? undefined : Number(total) };
}

export function parseContentLength(header: string | null): number | undefined {
  return header !== null && /^\d{1,16}$/.test(header) ? Number(header) : undefined;
}
