import type { ContentStore } from "../core/content.ts";
import { hasCode, ifPresent } from "../core/errors.ts";
import { labelNames } from "../core/labels.ts";
import { randomHex } from "../core/random.ts";
import type { Lease, LeaseResource } from "../core/records.ts";
import type { LeaseName } from "../metadata/mark.ts";
import { claimLock, openLockNow } from "./locks.ts";
import type { Client } from "./open.ts";

/** As containerd's own: long enough for any pull. */
const WORK_LEASE_MS = 24 * 60 * 60 * 1000;

export interface WorkLease {
  protect(...resources: LeaseResource[]): void;
}

/**
 * Runs work whose results nothing refers to yet under a lease of its own, so that garbage collection beside it spares
 * them. That of a process killed meanwhile ends with the next collection.
 */
export async function withLease<T>(
  client: Client,
  work: (lease: WorkLease) => Promise<T>,
  { labels, keepOn = () => false }: { labels?: Lease["labels"]; keepOn?: (error: unknown) => boolean } = {},
): Promise<T> {
  const owner = `work-${randomHex(8)}`;
  // The kernel lets it go with this process, which tells others that nobody works under the lease any more.
  const release = await claimLock(client, owner);
  try {
    return await underLease(client, work, { [labelNames.workOwner]: owner, ...labels }, keepOn);
  } finally {
    release();
  }
}

async function underLease<T>(
  client: Client,
  work: (lease: WorkLease) => Promise<T>,
  labels: Lease["labels"],
  keepOn: (error: unknown) => boolean,
): Promise<T> {
  const leases = await client.leases();
  const { id } = leases.create({ labels, expiresAt: new Date(Date.now() + WORK_LEASE_MS) });
  try {
    const result = await work({ protect: (...resources) => leases.addResource(id, ...resources) });
    leases.delete(id);
    return result;
  } catch (error) {
    if (!keepOn(error)) leases.delete(id);
    throw error;
  }
}

/**
 * As `withLease`, for work that brings an image: a kill leaves the lease, and so do failures that pass, so that the
 * next try finds what this one had brought. It is given up when that try has come to an end, or the image is deleted.
 */
export async function withImageLease<T>(
  client: Client,
  image: string,
  work: (lease: WorkLease) => Promise<T>,
): Promise<T> {
  return withLease(client, work, { labels: { [labelNames.workImage]: image }, keepOn: isPassing });
}

/**
 * Deletes the leases of those who were to bring the image and did not, with the ingests that these name: the next
 * collection takes all else that they held.
 */
export async function giveUpWork(client: Client, image: string): Promise<void> {
  for (const { id, labels } of await abandonedLeases(client)) {
    if (labels[labelNames.workImage] === image) await ifPresent(() => giveUp(client, id));
  }
}

async function giveUp(client: Client, lease: string): Promise<void> {
  const [leases, content] = [await client.leases(), await client.content()];
  for (const { type, id: ref } of leases.resources(lease)) {
    if (type === "ingests") await dropIngest(content, ref);
  }
  leases.delete(lease);
}

/** Unless it has become a blob, or somebody else goes on with it. */
async function dropIngest(content: ContentStore, ref: string): Promise<void> {
  try {
    await content.abort(ref);
  } catch (error) {
    if (!hasCode(error, "NotFound", "Unavailable")) throw error;
  }
}

/** Leases that a collection ends before they expire, of all namespaces; with `isForGood`, those kept for the next try too. */
export async function leasesToEnd(client: Client, { isForGood = false } = {}): Promise<LeaseName[]> {
  const namespaces = (await client.metadata()).namespaces().list();
  const found = namespaces.map(async ({ name: namespace }) => {
    const abandoned = await abandonedLeases(client, namespace);
    const ending = abandoned.filter(({ labels }) => isForGood || labels[labelNames.workImage] === undefined);
    return ending.map(({ id }) => ({ namespace, id }));
  });
  return (await Promise.all(found)).flat();
}

/** Of the namespace, whose owners were killed, or have failed. */
async function abandonedLeases(client: Client, namespace = client.namespace): Promise<Lease[]> {
  const leases = (await client.metadata()).leases(namespace).list();
  const owned = leases.filter(({ labels }) => labels[labelNames.workOwner] !== undefined);
  const abandoned: Lease[] = [];
  for (const lease of owned) {
    const lock = await openLockNow(client, lease.labels[labelNames.workOwner]!);
    lock?.remove();
    if (lock) abandoned.push(lease);
  }
  return abandoned;
}

/** Failures after which trying again is worth it: bytes fetched so far are kept for that. */
export function isPassing(error: unknown): boolean {
  return hasCode(
    error,
    "Unavailable",
    "Canceled",
    "DeadlineExceeded",
    "ResourceExhausted",
    "Unauthenticated",
  );
}
