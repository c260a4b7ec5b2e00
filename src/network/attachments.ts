import { CtrError, hasCode } from "../core/errors.ts";
import type { NetworkAddress } from "../core/network.ts";
import { dropNetns, keepNetns, requireOwnNetns } from "./netns.ts";
import type { NetworkLocks } from "./network-lock.ts";
import {
  type AddOptions,
  addAll,
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
  const { records, locks } = attachments;
  requirePlugins(record);
  requireOwnNetns(record.process.pid);
  await releaseForgotten(attachments);
  return locks.exclusively(containerId, async (lockFd) => {
    await makeRoom(attachments, containerId, lockFd);
    records.put(containerId, record);
    const progress: Progress = { holderCount: 0 };
    try {
      keepNetns(record.process.pid, record.netns);
      const result = await addAll(record, progress, { ...options, containerId, lockFd });
      records.put(containerId, { ...record, result });
      return addressesOf(result, record.interfaceName);
    } catch (error) {
      // What cannot be undone now stays recorded; what went wrong first is what counts.
      const timeoutMs = options.signal?.aborted ? REMOVAL_MS.hurried : REMOVAL_MS.patient;
      await remove(attachments, containerId, record, { lockFd, timeoutMs, ...progress }).catch(() => {});
      throw error;
    }
  });
}

/** As `Networks.release`, if it is the one that `isWanted`. */
export async function releaseAttachment(
  attachments: Attachments,
  containerId: string,
  isWanted: (record: AttachmentRecord) => boolean,
): Promise<void> {
  const { records, locks } = attachments;
  if (records.get(containerId) === undefined) return;
  await locks.exclusively(containerId, (lockFd) =>
    removeIfOver(attachments, containerId, { lockFd, timeoutMs: REMOVAL_MS.patient }, isWanted),
  );
}

/** The addresses of containers that have ended may be the very ones that are missing now. */
async function releaseForgotten(attachments: Attachments): Promise<void> {
  for (const { containerId } of attachmentsOver(attachments.records)) {
    const release = (lockFd: number) =>
      removeIfOver(attachments, containerId, { lockFd, timeoutMs: REMOVAL_MS.hurried });
    // `system check` says which, and why.
    await attachments.locks.unlessLocked(containerId, release).catch(() => {});
  }
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

async function makeRoom(attachments: Attachments, containerId: string, lockFd: number): Promise<void> {
  await removeIfOver(attachments, containerId, { lockFd, timeoutMs: REMOVAL_MS.patient });
  const record = attachments.records.get(containerId);
  if (record === undefined) return;
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
    const code = error instanceof CtrError ? error.code : "Unknown";
    throw new CtrError(code, `network of container ${JSON.stringify(record.id)}`, {
      cause: error,
      hint: `once that is mended, ctr system check --repair finishes it; to give it up, remove ${records.pathOf(containerId)}`,
    });
  }
  dropNetns(record.netns);
  records.remove(containerId);
}
