import { posix } from "node:path";
import { CtrError } from "../core/errors.ts";
import type { SpecMount } from "../core/runtime-spec.ts";
import type { SpecOption } from "./spec-input.ts";

/**
 * Given mounts go to the end, in their order, and take the place of default ones with the same destination.
 * Nothing of an image's config makes a mount: a VOLUME could name any path (CVE-2022-23648).
 */
export const withMounts: SpecOption = (spec, { input }) => {
  if (!input.mounts?.length) return;
  const taken = new Set(input.mounts.map(({ destination }) => posix.resolve("/", destination)));
  const kept = (spec.mounts ?? []).filter(({ destination }) => !taken.has(posix.resolve("/", destination)));
  spec.mounts = [...kept, ...input.mounts.map((mount) => ({ ...mount }))];
};

const HINT = "it has type, src, dst and options: type=bind,src=/a,dst=/b,options=rbind:ro";

/**
 * `type=…,src=…,dst=…,options=a:b` as `--mount` takes it: one record of CSV, so that a field with a comma stands
 * in double quotes. A bind's source may be relative to the working directory: the runtime would look for it below the
 * bundle. Throws InvalidArgument.
 */
export function parseMount(text: string): SpecMount {
  const mount: SpecMount = { destination: "" };
  for (const field of splitCsvRecord(text)) {
    const equals = field.indexOf("=");
    if (equals < 0) {
      throw new CtrError("InvalidArgument", "invalid mount specification: expected key=val", { hint: HINT });
    }
    setMountField(mount, field.slice(0, equals), field.slice(equals + 1));
  }
  // Not normalized: what `..` is, only the kernel knows where links are.
  if (mount.source && isBind(mount) && !posix.isAbsolute(mount.source)) {
    mount.source = `${process.cwd()}/${mount.source}`;
  }
  return mount;
}

const isBind = ({ type, options = [] }: SpecMount): boolean =>
  type === "bind" || options.includes("bind") || options.includes("rbind");

function setMountField(mount: SpecMount, key: string, value: string): void {
  switch (key) {
    case "type":
      mount.type = value;
      break;
    case "source":
    case "src":
      mount.source = value;
      break;
    case "destination":
    case "dst":
      mount.destination = value;
      break;
    case "options":
      mount.options = value.split(":");
      break;
    default:
      throw new CtrError("InvalidArgument", `mount option ${JSON.stringify(key)} not supported`, {
        hint: HINT,
      });
  }
}

/** RFC 4180: quoted fields hold commas, and `""` within them is one quote. */
function splitCsvRecord(text: string): string[] {
  const fields: string[] = [];
  const field = /"((?:[^"]|"")*)"(?=,|$)|([^",]*)(?=,|$)/y;
  for (;;) {
    const match = field.exec(text);
    if (!match) throw new CtrError("InvalidArgument", `invalid mount specification: bare quote in ${text}`);
    fields.push(match[1] === undefined ? (match[2] ?? "") : match[1].replaceAll('""', '"'));
    if (field.lastIndex >= text.length) return fields;
    field.lastIndex++;
  }
}
