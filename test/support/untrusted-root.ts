import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openRoot } from "../../src/files/resolve-below.ts";
import { hasErrno } from "../../src/sys/errno.ts";
import { closeFd } from "../../src/sys/open.ts";
import { memoryDir } from "./memory-dir.ts";
import { type TempDir, tempDir } from "./temp.ts";

const FIXTURES = join(import.meta.dirname, "../fixtures/files");

export interface UntrustedRoot extends Disposable {
  dir: TempDir;
  fd: number;
}

/** A root with an `etc/passwd` that says `inside`, in a directory whose own `etc/passwd` says `outside`. */
export function untrustedRoot(): UntrustedRoot {
  const dir = tempDir();
  mkdirSync(dir.join("root/etc"), { recursive: true });
  mkdirSync(dir.join("etc"));
  writeFileSync(dir.join("root/etc/passwd"), "inside");
  writeFileSync(dir.join("etc/passwd"), "outside");
  const fd = openRoot(dir.join("root"));
  return {
    dir,
    fd,
    [Symbol.dispose]() {
      closeFd(fd);
      dir[Symbol.dispose]();
    },
  };
}

/** A root in which another process exchanges `swap` for a link to `outside` and back, as fast as it can. */
export async function swappedRoot() {
  const dir = memoryDir();
  mkdirSync(dir.join("outside/inner"), { recursive: true });
  writeFileSync(dir.join("outside/inner/precious"), "canary");
  mkdirSync(dir.join("root"));
  const swapper = Bun.spawn(
    [process.execPath, `${FIXTURES}/swap.ts`, dir.join("root"), dir.join("outside")],
    {
      stdout: "pipe",
    },
  );
  await swapper.stdout.getReader().read();
  const fd = openRoot(dir.join("root"));
  return {
    dir,
    fd,
    /** Tries until it has succeeded and failed a hundred times each, and returns what the successes gave. */
    race<Result>(attempt: (round: number) => Result): Result[] {
      const results: Result[] = [];
      const deadline = performance.now() + 30_000;
      for (let round = 0, failures = 0; results.length < 100 || failures < 100; round++) {
        if (performance.now() > deadline)
          throw new Error(`${results.length} successes, ${failures} failures`);
        try {
          results.push(attempt(round));
        } catch (error) {
          if (!hasErrno(error, "ENOENT", "ENOTDIR")) throw error;
          failures++;
        }
      }
      return results;
    },
    async [Symbol.asyncDispose]() {
      swapper.kill("SIGKILL");
      await swapper.exited;
      closeFd(fd);
      dir[Symbol.dispose]();
    },
  };
}
