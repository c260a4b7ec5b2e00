import { CtrError, hasCode } from "../core/errors.ts";
import type { NetworkAddress } from "../core/network.ts";
import { dropNetns, keepNetns, requireOwnNetns } from "./netns.ts";
import type { NetworkLocks, Turn } from "./network-lock.ts";
import {
  type AddOptions,
  addAll,
  type ChainOptions,
  type Progress,
  REMOVAL_MS,
  type RemoveOptions,
  removeAll,
  requirePlugins,
} from "./plugin-chain.ts";
import { addressesOf } from "./plugin-result.ts";
import { type AttachmentRecord, type AttachmentRecords, isOver } from "./records.ts";

/** Everybody's containers in networks, by the names that plugins know them by. */
export interface Attachments {
  readonly records: AttachmentRecords;
  readonly locks: NetworkLocks;
}

/** As `ConfiguredNetwork.attach`. */
export async function addAttachment(
  attachments: Attachments,
  containerId: string,
  record: AttachmentRecord,
  options: AddOptions,
): Promise<NetworkAddress[]> {
  requirePlugins(record);
  requireOwnNetns(record.process.pid);
  refuseAttached(attachments, containerId);
  const turn = turnFor(attachments, containerId, options.signal);
  return attachments.locks.exclusively(containerId, turn, async (lockFd) => {
    await removeIfOver(attachments, containerId, { lockFd, timeoutMs: REMOVAL_MS.patient });
    refuseAttached(attachments, containerId);
    const attempt = () => addOrUndo(attachments, record, { ...options, containerId, lockFd });
    try {
      return await attempt();
    } catch (error) {
      // The addresses of containers that have ended may be the very ones that are missing.
      const mayHelp = hasCode(error, "Unknown") && attachments.records.get(containerId) === undefined;
      if (mayHelp && (await releaseForgotten(attachments, options.signal))) return attempt();
      throw error;
    }
  });
}

/** A failure leaves no record, unless something cannot be undone. */
async function addOrUndo(
  attachments: Attachments,
  record: AttachmentRecord,
  options: ChainOptions & AddOptions,
): Promise<NetworkAddress[]> {
  const { records } = attachments;
  const { containerId, lockFd } = options;
  records.put(containerId, record);
  const progress: Progress = { holderCount: 0 };
  try {
    keepNetns(record.process.pid, record.netns);
    const result = await addAll(record, progress, options);
    records.put(containerId, { ...record, result });
    return addressesOf(result, record.interfaceName);
  } catch (error) {
    // What went wrong first is what counts.
    const timeoutMs = options.signal?.aborted ? REMOVAL_MS.hurried : REMOVAL_MS.patient;
    await remove(attachments, containerId, record, { lockFd, timeoutMs, ...progress }).catch(() => {});
    throw error;
  }
}

/** As `Networks.release`, if it is the one that `isWanted`. */
export async function releaseAttachment(
  attachments: Attachments,
  containerId: string,
  isWanted: (record: AttachmentRecord) => boolean,
): Promise<void> {
  const { records, locks } = attachments;
  const found = records.get(containerId);
  if (found === undefined || !isOver(found)) return;
  await locks.exclusively(containerId, turnFor(attachments, containerId), (lockFd) =>
    removeIfOver(attachments, containerId, { lockFd, timeoutMs: REMOVAL_MS.patient }, isWanted),
  );
}

/** Whether anything was. Somebody waits for it, so it ends in the midst of many that resist. */
async function releaseForgotten({ records, locks }: Attachments, signal?: AbortSignal): Promise<boolean> {
  const deadline = performance.now() + REMOVAL_MS.hurried;
  let isAnyReleased = false;
  for (const { containerId } of attachmentsOver(records)) {
    if (signal?.aborted || performance.now() > deadline) break;
    const release = async (lockFd: number) => {
      await removeIfOver({ records, locks }, containerId, { lockFd, timeoutMs: REMOVAL_MS.hurried });
      isAnyReleased = true;
    };
    // `system check` says which, and why.
    await locks.unlessLocked(containerId, release).catch(() => {});
  }
  return isAnyReleased;
}

function turnFor({ records }: Attachments, containerId: string, signal?: AbortSignal): Turn {
  const pluginCount = records.get(containerId)?.network.plugins.length ?? 1;
  return {
    signal,
    isOver() {
      const record = records.get(containerId);
      return record !== undefined && isOver(record);
    },
    removalMs: REMOVAL_MS.patient * pluginCount,
  };
}

interface FoundAttachment {
  containerId: string;
  /** Undefined where it cannot be read. */
  record: AttachmentRecord | undefined;
}

/** Those whose containers have ended, and those that nobody can tell of. */
export function attachmentsOver(records: AttachmentRecords): FoundAttachment[] {
  return records.names().flatMap((containerId): FoundAttachment[] => {
    try {
      const record = records.get(containerId);
      return record && isOver(record) ? [{ containerId, record }] : [];
    } catch (error) {
      if (hasCode(error, "DataLoss")) return [{ containerId, record: undefined }];
      throw error;
    }
  });
}

function refuseAttached({ records }: Attachments, containerId: string): void {
  const record = records.get(containerId);
  if (record === undefined || isOver(record)) return;
  const { namespace, id } = record;
  throw new CtrError("AlreadyExists", `network attachment of container ${id} in namespace ${namespace}`);
}

async function removeIfOver(
  attachments: Attachments,
  containerId: string,
  options: RemoveOptions & { lockFd: number },
  isWanted = (_: AttachmentRecord): boolean => true,
): Promise<void> {
  const record = attachments.records.get(containerId);
  if (record && isWanted(record) && isOver(record)) await remove(attachments, containerId, record, options);
}

/** Whether a container that has ended is still attached, and nobody knows that its plugins do not let go of it. */
export const hasForgotten = ({ records }: Attachments): boolean =>
  attachmentsOver(records).some(({ record }) => record && !record.resists);

/** The record goes last: whoever is killed before leaves something that is removed again. */
async function remove(
  { records }: Attachments,
  containerId: string,
  record: AttachmentRecord,
  options: RemoveOptions & { lockFd: number },
): Promise<void> {
  try {
    await removeAll(record, { containerId, ...options });
  } catch (error) {
    noteResistance(records, containerId, record);
    const code = error instanceof CtrError ? error.code : "Unknown";
    throw new CtrError(code, `network of container ${JSON.stringify(record.id)}`, {
      cause: error,
      hint: `once that is mended, ctr system check --repair finishes it; to give it up, remove ${records.pathOf(containerId)}`,
    });
  }
  dropNetns(record.netns);
  records.remove(containerId);
}

function noteResistance(records: AttachmentRecords, containerId: string, record: AttachmentRecord): void {
  if (record.resists) return;
  try {
    records.put(containerId, { ...record, resists: true });
  } catch {
    // On a full disk it is tried more often than it need be.
  }
}
