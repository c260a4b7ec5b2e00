const BINARY_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
const DECIMAL_UNITS = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];

/** `1.0 MiB`, `416.0 B` */
export function formatBinarySize(bytes: number): string {
  const { value, unit } = scale(bytes, 1024, BINARY_UNITS);
  return `${value.toFixed(1)} ${unit}`;
}

/** `1.088MB`, `416B`: four significant digits, as in the content listings. */
export function formatDecimalSize(bytes: number): string {
  const { value, unit } = scale(bytes, 1000, DECIMAL_UNITS);
  return `${fourDigits(value)}${unit}`;
}

function scale(bytes: number, base: number, units: readonly string[]): { value: number; unit: string } {
  let value = bytes;
  let power = 0;
  while (value >= base && power < units.length - 1) {
    value /= base;
    power++;
  }
  return { value, unit: units[power]! };
}

/** Go's `%.4g` for 0 <= value, which writes an exponent once rounding reaches five digits before the point. */
function fourDigits(value: number): string {
  const rounded = Number(value.toPrecision(4));
  return rounded >= 10_000 ? rounded.toExponential().replace(/e\+(\d)$/, "e+0$1") : String(rounded);
}
