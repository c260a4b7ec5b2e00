/** What tasks leave behind whose client and supervisor were killed, or whose boot is over. */
import { closeSync, linkSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { EventPublisher } from "../core/events.ts";
import { listNames } from "../files/list-names.ts";
import { asSysError, hasErrno } from "../sys/errno.ts";
import { tryLock } from "../sys/lock.ts";
import { removeFile } from "../sys/small-file.ts";
import { type Bundle, bundleAt, isCreated } from "./bundle.ts";
import { isLocked, isStill, tryOpen } from "./bundle-lock.ts";
import { removeDeadTask } from "./remove-dead-task.ts";
import { taskStatus } from "./task-status.ts";

export interface DeadTask {
  namespace: string;
  id: string;
  /** When its directory last changed. */
  changedAt: Date;
  /** Ends and removes all that is left of it; does nothing when somebody has it by now. */
  remove(): Promise<void>;
}

/**
 * Tasks below `state` that nobody is at work on and that never came to life, or are over and whose container is gone.
 * One that is being made is among them for an instant, before its maker has locked it: `changedAt` tells.
 */
export function findDeadTasks(
  state: string,
  events: EventPublisher,
  hasContainer: (namespace: string, id: string) => boolean,
): DeadTask[] {
  return bundlesBelow(join(state, "tasks"), events).flatMap(({ namespace, bundle }) => {
    const isDead = () => !isLocked(bundle.path) && isOver(bundle, () => hasContainer(namespace, bundle.id));
    const changedAt = statSync(bundle.path, { throwIfNoEntry: false })?.mtime;
    if (!changedAt || !isDead()) return [];
    const remove = () => removeWhenLocked(bundle, () => hasContainer(namespace, bundle.id));
    return [{ namespace, id: bundle.id, changedAt, remove }];
  });
}

/** Without a first process it is a creation, or a deletion, that was killed. */
function isOver(bundle: Bundle, hasContainer: () => boolean): boolean {
  try {
    if (!isCreated(bundle)) return true;
    return taskStatus(bundle) === "stopped" && !hasContainer();
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return false;
    throw error;
  }
}

async function removeWhenLocked(bundle: Bundle, hasContainer: () => boolean): Promise<void> {
  const fd = tryOpen(bundle.path);
  if (fd === undefined) return;
  try {
    const isOurs = tryLock(fd, "exclusive") && isStill(fd, bundle.path);
    if (isOurs && isOver(bundle, hasContainer)) await removeDeadTask(bundle);
  } finally {
    closeSync(fd);
  }
}

export interface TaskLog {
  namespace: string;
  /** Of the container. */
  id: string;
  path: string;
  sizeBytes: number;
  changedAt: Date;
  remove(): void;
}

/** Logs below `root` of tasks that are not there any more. */
export function findTaskLogs(root: string, state: string): TaskLog[] {
  const home = join(root, "logs");
  return listNames(home).flatMap((namespace) =>
    listNames(join(home, namespace)).flatMap((name) => {
      const id = /^([^@]+)(?:@.*)?\.log(?:\.times)?$/.exec(name)?.[1];
      const path = join(home, namespace, name);
      const bundlePath = join(state, "tasks", namespace, id ?? name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat?.isFile() || isThere(bundlePath)) return [];
      const remove = () => removeLog(path, bundlePath);
      return [{ namespace, id: id ?? name, path, sizeBytes: stat.size, changedAt: stat.mtime, remove }];
    }),
  );
}

/**
 * A new task of the same name may be opening the log right now; its bundle is made before. So the log is taken out
 * of its way first: a task that begins after that opens a new one, and one that began before gets it back.
 */
function removeLog(path: string, bundlePath: string): void {
  const aside = `${path}.removing`;
  try {
    renameSync(path, aside);
  } catch (error) {
    if (hasErrno(error, "ENOENT")) return;
    throw asSysError(error, path);
  }
  if (isThere(bundlePath)) giveBack(aside, path);
  removeFile(aside);
}

function giveBack(aside: string, path: string): void {
  try {
    linkSync(aside, path);
  } catch (error) {
    if (!hasErrno(error, "EEXIST")) throw asSysError(error, path);
  }
}

function bundlesBelow(directory: string, events: EventPublisher): { namespace: string; bundle: Bundle }[] {
  return listNames(directory).flatMap((namespace) =>
    listNames(join(directory, namespace)).map((id) => ({
      namespace,
      bundle: bundleAt(join(directory, namespace, id), events),
    })),
  );
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;
