import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CtrError, withSubject } from "../../core/errors.ts";
import { asSysError, hasErrno } from "../../sys/errno.ts";
import { type CdiDevice, type CdiDocument, checkCdiDocument } from "./document.ts";
import { isCdiName } from "./name.ts";

/** Devices of a later directory replace those of an earlier one: what is made at run time is newer. */
export const CDI_DIRECTORIES = ["/etc/cdi", "/var/run/cdi"];

export interface CdiRegistry {
  /** By qualified name, `vendor/class=name`. */
  devices: Map<string, { device: CdiDevice; document: CdiDocument }>;
  vendors: Set<string>;
  /** Files that were left out, and why: a bad file of one vendor does not stand in the way of another's devices. */
  problems: CtrError[];
}

export async function readCdiRegistry(
  directories: readonly string[] = CDI_DIRECTORIES,
): Promise<CdiRegistry> {
  const registry: CdiRegistry = { devices: new Map(), vendors: new Set(), problems: [] };
  for (const directory of directories) {
    const offered = new Set<string>();
    for (const name of await fileNames(directory)) await readInto(registry, join(directory, name), offered);
  }
  return registry;
}

async function fileNames(directory: string): Promise<string[]> {
  try {
    const names = await readdir(directory);
    return names.filter((name) => /\.(json|yaml)$/.test(name)).sort();
  } catch (error) {
    if (hasErrno(error, "ENOENT", "ENOTDIR")) return [];
    throw asSysError(error, directory);
  }
}

/** `offered` is what the files of this directory have named so far. */
async function readInto(registry: CdiRegistry, path: string, offered: Set<string>): Promise<void> {
  const { devices, vendors, problems } = registry;
  try {
    const document = parseDocument(await readFile(path, "utf8"), path);
    vendors.add(document.kind.slice(0, document.kind.indexOf("/")));
    for (const device of document.devices) {
      const name = `${document.kind}=${device.name}`;
      if (offered.has(name)) {
        // Two files of one directory that offer the same device: neither is to be trusted.
        devices.delete(name);
        problems.push(new CtrError("FailedPrecondition", `${path}: conflicting device ${name}`));
      } else devices.set(name, { device, document });
      offered.add(name);
    }
  } catch (error) {
    problems.push(withSubject(path, asSysError(error, path)));
  }
}

function parseDocument(text: string, path: string): CdiDocument {
  const document = checkCdiDocument(path.endsWith(".json") ? JSON.parse(text) : Bun.YAML.parse(text));
  const names = document.devices.map(({ name }) => name);
  const isValid =
    names.every((name) => isCdiName(`${document.kind}=${name}`)) && new Set(names).size === names.length;
  if (isValid && names.length > 0) return document;
  throw new CtrError(
    "InvalidArgument",
    "CDI specification with a bad kind, or with bad, double or no device names",
  );
}
