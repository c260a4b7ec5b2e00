import { mkdirSync } from "node:fs";
import type { ContainerDefaults } from "../../src/core/image-config.ts";
import { busyboxLayer } from "../support/busybox-image.ts";
import type { Oracle } from "../support/containerd.ts";
import { buildImage, type Layer, writeLayout } from "../support/image.ts";
import { run } from "../support/run-program.ts";
import type { TempDir } from "../support/temp.ts";

const BASE = "test.local/spec";

const PASSWD = `root:x:0:0:root:/root:/bin/sh
www:x:1000:1001:web:/home:/bin/sh
alone:x:1005:1005::/:/bin/sh
`;
const GROUP = `root:x:0:
wheel:x:10:root,www
web:x:1001:www
extra:x:2000:www,nobody
www:x:3000:www
`;

/** busybox with users who are members of several groups. */
export function userLayer(): Layer {
  return busyboxLayer({
    entries: [
      { path: "etc/passwd", content: PASSWD },
      { path: "etc/group", content: GROUP },
    ],
  });
}

/** Gives the real one an image of `layer` and answers its name. */
export async function importImage(
  oracle: Oracle,
  dir: TempDir,
  { name, layer, config }: { name: string; layer: Layer; config: ContainerDefaults },
): Promise<string> {
  const layout = dir.join("layouts", name);
  await writeLayout(buildImage({ layers: [layer], config: { ...config } }), layout, name);
  const archive = `${layout}.tar`;
  const { code, stderr } = await run(["tar", "-C", layout, "-cf", archive, "."]);
  if (code !== 0) throw new Error(stderr);
  await oracle.ok("images", "import", "--no-unpack", "--base-name", BASE, archive);
  return `${BASE}:${name}`;
}

/** Mounts the image's root filesystem below `dir`, where disposing the oracle or the directory unmounts it. */
export async function mountImage(oracle: Oracle, dir: TempDir, image: string): Promise<string> {
  const target = dir.join("mounted", "rootfs");
  mkdirSync(target, { recursive: true });
  await oracle.ok("images", "mount", image, target);
  return target;
}
