import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { CtrError } from "../core/errors.ts";
import { asSysError } from "../sys/errno.ts";
import type { Bundle } from "./bundle.ts";
import { findOutsideFiles } from "./criu/outside-files.ts";
import { criuFailure, requireCriu } from "./criu/program.ts";
import { turnStreamsIntoPipes } from "./criu/streams.ts";
import { listProcesses } from "./list-processes.ts";
import type { TaskRecord } from "./records.ts";
import { callRunc } from "./runc.ts";
import { taskStatus } from "./task-status.ts";

/** As `Task.checkpoint`. */
export async function checkpointTask(
  bundle: Bundle,
  record: TaskRecord,
  { imageDir, workDir }: { imageDir: string; workDir?: string },
): Promise<void> {
  requireCriu();
  const status = taskStatus(bundle);
  if (status === "created") throw new CtrError("Unknown", "cannot checkpoint a task in created state");
  if (status === "stopped") throw new CtrError("Unknown", "cannot checkpoint a stopped container");
  const images = resolve(imageDir);
  const work = workDir === undefined ? join(bundle.path, "checkpoint") : resolve(workDir);
  makeDirectory(images);
  makeDirectory(work);
  try {
    await dump(bundle, record, images, work);
  } finally {
    if (workDir === undefined) rmSync(work, { recursive: true, force: true });
  }
  bundle.publish("/tasks/checkpointed", { container_id: bundle.id, checkpoint: imageDir });
}

async function dump(bundle: Bundle, { runc }: TaskRecord, images: string, work: string): Promise<void> {
  const outside = findOutsideFiles(listProcesses(bundle).map(({ pid }) => pid));
  const config = join(work, "criu.conf");
  writeFileSync(config, outside.map(({ name }) => `external ${name}\n`).join(""), { mode: 0o600 });
  const words = [
    "checkpoint",
    "--image-path",
    images,
    "--work-path",
    work,
    "--file-locks",
    "--leave-running",
  ];
  const log = join(work, "dump.log");
  rmSync(log, { force: true });
  try {
    await callRunc(runc, [...words, bundle.id], "", { CRIU_CONFIG_FILE: config });
  } catch (error) {
    throw criuFailure(log, "checkpoint failed", error);
  }
  turnStreamsIntoPipes(images, outside);
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw asSysError(error, path);
  }
}
