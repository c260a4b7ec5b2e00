import { openPath } from "../../sys/descriptors.ts";
import { noticeNextWrite, onNotice, openNotices } from "../../sys/notices.ts";
import { closeFd, O_WRONLY } from "../../sys/open.ts";
import { statFd } from "../../sys/stat.ts";
import { boundLog } from "./bound-log.ts";
import { openTimesWriter } from "./record-times.ts";

/** While it is written to, however fast. */
const INTERVAL_MS = 100;
/** Where the kernel gives no notice. */
const UNNOTICED_MS = 2000;

/**
 * Keeps a log of ours bounded, and records at `timesPath` when it grew, until it is disposed of. What cannot be done
 * now may be with the next write; nothing happens while nobody writes.
 */
export function watchLog(path: string, timesPath: string | undefined): Disposable {
  const logFd = openPath(path, O_WRONLY);
  const times = timesPath === undefined ? undefined : attempt(() => openTimesWriter(timesPath));
  const noticesFd = attempt(openNotices);
  let knownBytes = 0;
  let waiting: Timer | undefined;
  let isOver = false;

  /** Whether it has changed since the last time. */
  const look = (): boolean => {
    const log = statFd(logFd);
    if (log.sizeBytes === knownBytes) return false;
    knownBytes = log.sizeBytes;
    attempt(() => times?.record(log));
    attempt(() => {
      const cutBytes = boundLog(logFd);
      if (cutBytes !== undefined) times?.cut(cutBytes);
    });
    return true;
  };
  const lookAndWait = () => {
    waiting = undefined;
    if (look()) waiting = setTimeout(lookAndWait, INTERVAL_MS);
    else if (isNoticed()) look();
    else waiting = setTimeout(lookAndWait, UNNOTICED_MS);
  };
  const isNoticed = () =>
    noticesFd !== undefined &&
    attempt(() => {
      noticeNextWrite(noticesFd, logFd);
      return true;
    });
  const notices =
    noticesFd === undefined
      ? undefined
      : onNotice(noticesFd, () => {
          if (!isOver && waiting === undefined) lookAndWait();
        });
  lookAndWait();
  return {
    [Symbol.dispose]() {
      isOver = true;
      clearTimeout(waiting);
      notices?.[Symbol.dispose]();
      times?.close();
      closeFd(logFd);
    },
  };
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}
