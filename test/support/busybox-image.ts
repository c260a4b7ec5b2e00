import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { type BuildOptions, type BuiltImage, buildImage, buildLayer, type Layer } from "./image.ts";
import type { TarEntry } from "./tar-bytes.ts";

export interface BusyboxLayerOptions {
  /** How the applets name the one executable: as the usual images do (hardlinks), or as links. */
  links?: "hardlink" | "symlink";
  compression?: "none" | "gzip" | "zstd";
  format?: "oci" | "docker";
  /** More entries after the usual ones. */
  entries?: readonly TarEntry[];
}

/** A root filesystem made of the machine's own static busybox: applets, users, groups and an empty /tmp. */
export function busyboxLayer(options: BusyboxLayerOptions = {}): Layer {
  const { links = "hardlink", entries = [], compression, format } = options;
  return buildLayer([...baseEntries(links), ...entries], { compression, format });
}

/** An image that runs `sh`, with `options` over its defaults. */
export function busyboxImage(
  options: Partial<BuildOptions> & { layer?: BusyboxLayerOptions } = {},
): BuiltImage {
  const { layer, ...rest } = options;
  const config = { Cmd: ["sh"], Env: ["PATH=/bin:/sbin:/usr/bin:/usr/sbin"] };
  const layers = [busyboxLayer({ format: options.format, ...layer })];
  return buildImage({ layers, config, ...rest });
}

function baseEntries(links: "hardlink" | "symlink"): TarEntry[] {
  const directory = (path: string, mode = 0o755): TarEntry => ({ path, type: "directory", mode });
  const { executable, applets } = machineBusybox();
  return [
    ...["bin/", "dev/", "etc/", "home/", "proc/", "root/", "sys/", "usr/", "var/"].map((path) =>
      directory(path),
    ),
    directory("tmp/", 0o1777),
    { path: "bin/busybox", content: executable, mode: 0o755 },
    ...applets.map(
      (name): TarEntry => ({
        path: `bin/${name}`,
        type: links,
        linkTarget: links === "hardlink" ? "bin/busybox" : "busybox",
        mode: links === "hardlink" ? 0o755 : 0o777,
      }),
    ),
    {
      path: "etc/passwd",
      content:
        "root:x:0:0:root:/root:/bin/sh\nwww:x:1000:1001:web:/home:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    },
    { path: "etc/group", content: "root:x:0:\nweb:x:1001:\nextra:x:2000:www\nnogroup:x:65534:\n" },
  ];
}

function machineBusybox(): { executable: Uint8Array; applets: string[] } {
  const path = Bun.which("busybox");
  if (!path) throw new Error("busybox is missing: run scripts/setup");
  const executable = readFileSync(path);
  if (executable.subarray(0, 4096).includes("/ld-"))
    throw new Error(`${path} is not static: install busybox-static`);
  const { stdout } = spawnSync(path, ["--list"], { encoding: "utf8" });
  return { executable, applets: stdout.split("\n").filter((name) => name && name !== "busybox") };
}
