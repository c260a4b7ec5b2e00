import { withSubject } from "../../core/errors.ts";
import { openPipe } from "../../sys/descriptors.ts";
import { closeFd } from "../../sys/open.ts";
import { runtimeEnvironment } from "../runc.ts";
import type { LoggerPlan } from "./protocol.ts";

export interface Logger {
  pid: number;
  /** Write ends. */
  stdout: number;
  stderr: number;
}

/**
 * Starts a logging program by containerd's protocol (runtime/v2/README.md, "Logging"): it reads stdout on 3 and
 * stderr on 4, and closes 5 when it is ready. It ends by itself at EOF.
 */
export async function startLogger({ command, environment }: LoggerPlan): Promise<Logger> {
  const stdout = openPipe();
  const stderr = openPipe();
  const ready = openPipe();
  let pid: number;
  try {
    const logger = Bun.spawn(command, {
      stdio: ["ignore", "ignore", "ignore", stdout.readFd, stderr.readFd, ready.writeFd],
      env: { ...runtimeEnvironment(), ...environment },
    });
    logger.unref();
    pid = logger.pid;
  } catch (error) {
    for (const fd of [stdout.writeFd, stderr.writeFd, ready.readFd]) closeFd(fd);
    throw withSubject("failed to start binary process", error);
  } finally {
    for (const fd of [stdout.readFd, stderr.readFd, ready.writeFd]) closeFd(fd);
  }
  for await (const _ of Bun.file(ready.readFd).stream()) break;
  return { pid, stdout: stdout.writeFd, stderr: stderr.writeFd };
}
