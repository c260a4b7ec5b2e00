import { type Client, openClient } from "./open.ts";

/** Runs the work on another namespace of the same state directory. */
export async function inNamespace<T>(
  client: Client,
  namespace: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  await using other = openClient({ ...client, namespace });
  return await work(other);
}
