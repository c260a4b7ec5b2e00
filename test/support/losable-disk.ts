import { execFileSync } from "node:child_process";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { diskDir } from "./disk-dir.ts";
import { unmountBelow } from "./mounts.ts";

const SIZE_BYTES = 512 << 20;
const MEMORY_BYTES = 2 * 2 ** 30;

/** A disk of which can be seen what a power cut would leave. */
export interface LosableDisk extends Disposable {
  /** Where it is mounted. */
  readonly path: string;
  /** As if power failed now: what has reached the device is kept. */
  cut(): PowerCut;
}

export interface PowerCut {
  /** Mounts what was kept, as after the next boot, at a directory that is answered. Once. */
  boot(): string;
}

/**
 * An ext4 filesystem that writes nothing by itself for ten minutes, and does nothing for programs that rename without
 * syncing. It lies in a file on btrfs, where a copy by reference is one moment of all its blocks.
 */
export function losableDisk(): LosableDisk {
  using cleanup = new DisposableStack();
  const outer = cleanup.use(diskDir("btrfs", MEMORY_BYTES));
  cleanup.defer(() => unmountBelow(outer.path));
  const device = outer.join("device");
  writeFileSync(device, "");
  truncateSync(device, SIZE_BYTES);
  execFileSync("mkfs.ext4", ["-q", device]);
  const path = outer.join("mounted");
  mountDevice(device, path);
  let cutCount = 0;
  const kept = cleanup.move();
  return {
    path,
    cut() {
      const copy = outer.join(`device-${++cutCount}`);
      execFileSync("cp", ["--reflink=always", device, copy]);
      const place = outer.join(`mounted-${cutCount}`);
      return {
        boot() {
          mountDevice(copy, place);
          return place;
        },
      };
    },
    [Symbol.dispose]: () => kept.dispose(),
  };
}

function mountDevice(device: string, place: string): void {
  mkdirSync(place);
  execFileSync("mount", ["-t", "ext4", "-o", "loop,commit=600,noauto_da_alloc", device, place]);
}
