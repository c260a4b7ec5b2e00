/**
 * Faults of OCI runtimes through which a container gets out, where we cannot stand in the way. A version says only what
 * upstream fixed: distributions repair old versions, and tell so in their package's changelog.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { hasErrno } from "../sys/errno.ts";

interface Fix {
  runtime: string;
  faults: readonly string[];
  /** The first release with the fix of each series, ascending. */
  releases: readonly string[];
}

const FIXES: readonly Fix[] = [
  {
    runtime: "runc",
    faults: ["CVE-2025-31133", "CVE-2025-52565", "CVE-2025-52881"],
    releases: ["1.2.8", "1.3.3", "1.4.0"],
  },
  { runtime: "runc", faults: ["CVE-2026-41579"], releases: ["1.3.6", "1.4.3"] },
];

/** One sentence for each fix that neither the version nor its package's changelog shows. */
export function knownFaults(
  name: string,
  version: string,
  readChangelog: (packageName: string) => string = readDebianChangelog,
): string[] {
  return FIXES.filter(({ runtime, releases }) => runtime === name && !hasFix(version, releases))
    .filter(({ faults }) => {
      const changelog = readChangelog(name);
      return !faults.every((fault) => changelog.includes(fault));
    })
    .map(({ faults, releases }) => {
      const first = releases.join(", ");
      return `${name} ${version} may have ${faults.join(", ")}: fixed in ${first}, and its package does not say that it has the fix`;
    });
}

/** A series is newer than all that were fixed, or has the fix from its first fixed release on. */
function hasFix(version: string, releases: readonly string[]): boolean {
  const numbers = numbersOf(version);
  if (numbers === undefined) return false;
  const [major, minor, patch, isPrerelease] = numbers;
  const fixes = releases.map((release) => numbersOf(release)!);
  const own = fixes.find((fix) => fix[0] === major && fix[1] === minor);
  if (own) return patch > own[2] || (patch === own[2] && !isPrerelease);
  return fixes.every((fix) => major > fix[0] || (major === fix[0] && minor > fix[1]));
}

function numbersOf(version: string): [number, number, number, boolean] | undefined {
  const match = /^v?(\d+)\.(\d+)\.(\d+)(-(?:rc|alpha|beta))?/.exec(version);
  return match ? [Number(match[1]), Number(match[2]), Number(match[3]), match[4] !== undefined] : undefined;
}

/** Empty where there is none. */
function readDebianChangelog(packageName: string): string {
  try {
    return gunzipSync(readFileSync(`/usr/share/doc/${packageName}/changelog.Debian.gz`)).toString();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return "";
    throw error;
  }
}
