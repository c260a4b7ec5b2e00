/** What is mounted, from /proc/self/mountinfo (man 5 proc_pid_mountinfo). */
import { readFileSync } from "node:fs";

export interface MountInfo {
  id: number;
  parentId: number;
  deviceMajor: number;
  deviceMinor: number;
  /** Which directory of the filesystem is mounted. */
  root: string;
  mountPoint: string;
  /** Per-mount options: `rw`, `nosuid` … */
  options: string[];
  /** `shared:1`, `master:2` … */
  propagation: string[];
  type: string;
  source: string;
  superOptions: string[];
}

/** In the order in which the kernel mounted them: of two on one place, the later one is on top. */
export function readMountInfo(path = "/proc/self/mountinfo"): MountInfo[] {
  return readFileSync(path, "utf8").split("\n").filter(Boolean).map(parseMountInfoLine);
}

export function parseMountInfoLine(line: string): MountInfo {
  const fields = line.split(" ");
  const separatorAt = fields.indexOf("-", 6);
  const [id, parentId, device, root, mountPoint, options] = fields as [
    string,
    string,
    string,
    string,
    string,
    string,
  ];
  const [type, source, superOptions] = fields.slice(separatorAt + 1) as [string, string, string];
  const [deviceMajor, deviceMinor] = device.split(":").map(Number) as [number, number];
  return {
    id: Number(id),
    parentId: Number(parentId),
    deviceMajor,
    deviceMinor,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(","),
    propagation: fields.slice(6, separatorAt),
    type,
    source: unescapeOctal(source),
    superOptions: unescapeOctal(superOptions).split(","),
  };
}

/** The kernel writes space, tab, newline, `#` and backslash as three octal digits. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
