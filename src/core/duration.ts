const MILLISECONDS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Go's syntax, `300ms`, `-1.5h`, `2h45m`, `0`: milliseconds, or undefined for what is none. */
export function readDuration(text: string): number | undefined {
  const [, sign, body = ""] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (body === "0") return 0;
  if (!/^(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(body)) return undefined;
  let total = 0;
  for (const [, amount, unit] of body.matchAll(/([0-9.]+)([a-zµμ]+)/g)) {
    total += Number(amount) * MILLISECONDS[unit!]!;
  }
  return sign === "-" ? -total : total;
}
