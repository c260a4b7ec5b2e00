import { hasCode } from "../core/errors.ts";
import type { LeaseResource } from "../core/records.ts";
import type { Client } from "./open.ts";

/** As containerd's own: long enough for any pull, so that what a crash leaves is collected the next day. */
const WORK_LEASE_MS = 24 * 60 * 60 * 1000;

export interface WorkLease {
  protect(...resources: LeaseResource[]): void;
}

/**
 * Runs work whose results nothing refers to yet under a lease of its own, so that garbage collection beside it spares
 * them. A process killed meanwhile leaves the lease to expire; `keepOn` says which failures leave it too, so that
 * the next try finds what this one had brought.
 */
export async function withLease<T>(
  client: Client,
  work: (lease: WorkLease) => Promise<T>,
  keepOn: (error: unknown) => boolean = () => false,
): Promise<T> {
  const leases = await client.leases();
  const { id } = leases.create({ expiresAt: new Date(Date.now() + WORK_LEASE_MS) });
  try {
    const result = await work({ protect: (...resources) => leases.addResource(id, ...resources) });
    leases.delete(id);
    return result;
  } catch (error) {
    if (!keepOn(error)) leases.delete(id);
    throw error;
  }
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
