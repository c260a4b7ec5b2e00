import { type Client, openClient } from "./open.ts";

/** Runs the work on another namespace of the same state directory. */
export async function inNamespace<T>(
  { root, state }: Client,
  namespace: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  await using client = openClient({ root, state, namespace });
  return await work(client);
}
