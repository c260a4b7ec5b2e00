import { renameSync } from "node:fs";
import { join } from "node:path";
import { CtrError } from "../../core/errors.ts";
import { TEMPORARY_PREFIX, writeFileAtomically } from "../../files/atomic-write.ts";
import { makeDirectoryDurably } from "../../files/durable.ts";
import { listNames } from "../../files/list-names.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { readSmallFile, removeFile } from "../../sys/small-file.ts";

const REMOVING = ".removing-";

/**
 * What a plugin calls our snapshots: `snapshots/NAME/ID` holds, as JSON, the names that the snapshot of that
 * directory id has or had there, the latest last. A name is written, durably, before the plugin hears of it; so what
 * the plugin keeps for us is found again whoever is killed when, and a file without a row is litter for the collector.
 */
export class PluginNames {
  readonly #path: string;

  constructor(root: string, snapshotter: string) {
    this.#path = join(root, "snapshots", snapshotter);
  }

  /** With the collector held off. */
  write(id: number, names: readonly string[]): void {
    makeDirectoryDurably(this.#path, 0o700);
    writeFileAtomically(join(this.#path, `${id}`), JSON.stringify(names));
  }

  /** Empty when there is no such file. Throws DataLoss for one that cannot be read. */
  read(id: number): string[] {
    return readNames(join(this.#path, `${id}`));
  }

  /** Ids in use or left over. */
  ids(): number[] {
    return listNames(this.#path)
      .filter((name) => /^[1-9]\d*$/.test(name))
      .map(Number);
  }

  /** From here on `asideIds` finds it, even if we are killed. One that is gone is fine. */
  setAside(id: number): void {
    try {
      renameSync(join(this.#path, `${id}`), join(this.#path, `${REMOVING}${id}`));
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw asSysError(error);
    }
  }

  asideIds(): number[] {
    return listNames(this.#path)
      .filter((name) => name.startsWith(REMOVING))
      .map((name) => Number(name.slice(REMOVING.length)));
  }

  /** Of a file that cannot be read nobody can tell the names. */
  readAside(id: number): string[] {
    return namesIn(join(this.#path, `${REMOVING}${id}`)) ?? [];
  }

  /** When the plugin has nothing left of it. */
  forgetAside(id: number): void {
    removeFile(join(this.#path, `${REMOVING}${id}`));
  }

  /** What killed writers left of files not yet written; those of living ones too, while writers are not kept out. */
  unfinished(): string[] {
    return listNames(this.#path).filter((name) => name.startsWith(TEMPORARY_PREFIX));
  }

  removeUnfinished(): void {
    for (const name of this.unfinished()) removeFile(join(this.#path, name));
  }
}

function readNames(path: string): string[] {
  const names = namesIn(path);
  if (names === undefined) throw new CtrError("DataLoss", `record of a snapshot ${path}`);
  return names;
}

/** Undefined for what is no list of names. */
function namesIn(path: string): string[] | undefined {
  const text = readSmallFile(path);
  if (text === undefined) return [];
  try {
    const names: unknown = JSON.parse(text);
    return Array.isArray(names) && names.every((name) => typeof name === "string") ? names : undefined;
  } catch {
    return undefined;
  }
}
