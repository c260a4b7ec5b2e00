import { type Client, openClient } from "../open.ts";

/** Runs the work on another namespace of the same state directory. */
export async function inNamespace<T>(
  client: Client,
  namespace: string,
  work: (client: Client) => Promise<T>,
): Promise<T> {
  await using other = openClient({ ...client, namespace });
  return await work(other);
}

/** Clients of other namespaces, each opened once; all are closed with this. */
export interface Namespaces extends AsyncDisposable {
  of(namespace: string): Client;
}

/** On the same state directory; each client is opened when it is first asked for. */
export function openNamespaces(client: Client): Namespaces {
  const opened = new Map<string, Client>();
  return {
    of(namespace) {
      const known = opened.get(namespace) ?? openClient({ ...client, namespace });
      opened.set(namespace, known);
      return known;
    },
    async [Symbol.asyncDispose]() {
      for (const one of opened.values()) await one[Symbol.asyncDispose]();
    },
  };
}
