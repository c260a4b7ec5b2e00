import { existsSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CGROUP_ROOT = "/sys/fs/cgroup";

/** Cgroup directories, of all hierarchies, one of whose path segments starts with the text; outermost first. */
export function cgroupsNamed(text: string): string[] {
  const found: string[] = [];
  const visit = (directory: string, named: boolean) => {
    for (const entry of children(directory)) {
      const path = join(directory, entry);
      const here = named || entry.startsWith(text);
      if (here) found.push(path);
      visit(path, here);
    }
  };
  visit(CGROUP_ROOT, false);
  return found;
}

/** What a test that was stopped left frozen would not even be killed by SIGKILL, with version 1. */
export function thawCgroupsNamed(text: string): void {
  for (const path of cgroupsNamed(text)) {
    for (const [file, thawed] of [
      ["freezer.state", "THAWED"],
      ["cgroup.freeze", "0"],
    ] as const) {
      if (existsSync(join(path, file))) writeFileSync(join(path, file), thawed);
    }
  }
}

/** Removes them, innermost first; those with live processes stay. */
export function removeCgroupsNamed(text: string): void {
  for (const path of cgroupsNamed(text).reverse()) {
    try {
      rmdirSync(path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== "ENOENT" && code !== "EBUSY") throw error;
    }
  }
}

function children(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch {
    return [];
  }
}
