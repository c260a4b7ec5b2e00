/** Counters that both versions of cgroups have, of hardware that few machines have. */
import { readdirSync } from "node:fs";
import type { Measured } from "../../core/metrics.ts";
import { counterOf, readLines } from "./cgroup-files.ts";

/** Those with a file `hugetlb.SIZE.FILE`. */
export function hugePageSizes(directory: string, file: string): string[] {
  return readdirSync(directory)
    .flatMap((name) => (name.startsWith("hugetlb.") && name.endsWith(`.${file}`) ? name.split(".")[1]! : []))
    .sort();
}

/** Empty where the controller is not on. */
export function readRdma(directory: string): Measured {
  return { current: readRdmaFile(directory, "rdma.current"), limit: readRdmaFile(directory, "rdma.max") };
}

/** Lines `device hca_handle=N hca_object=N`. */
function readRdmaFile(directory: string, name: string): Measured[] | undefined {
  const entries = readLines(directory, name).map(([device = "", ...pairs]) => {
    const values = new Map(pairs.map((pair) => pair.split("=") as [string, string]));
    const counted = (key: string) => (values.get(key) === "max" ? 0xffffffffn : counterOf(values.get(key)));
    return { device, hca_handles: counted("hca_handle"), hca_objects: counted("hca_object") };
  });
  return entries.length > 0 ? entries : undefined;
}
