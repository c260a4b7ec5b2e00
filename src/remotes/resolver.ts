import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, withSubject } from "../core/errors.ts";
import { parseReference, type Reference } from "../core/reference.ts";
import type { Resolver } from "../core/remotes.ts";
import { createFetcher } from "./fetcher.ts";
import { registryHosts } from "./hosts.ts";
import type { RemoteOptions } from "./options.ts";
import { Registry } from "./registry.ts";
import { resolveTarget } from "./resolve-target.ts";
import { Transport } from "./transport.ts";

/** Speaks to registries for one command: connections, tokens and what was learnt of each host are shared within. */
export function openResolver(options: RemoteOptions = {}): Resolver {
  const transport = new Transport(options);
  const known = new Map<string, Registry[]>();
  const registriesOf = ({ host }: Reference): Registry[] => {
    const registries =
      known.get(host) ?? registryHosts(host, options).map((each) => new Registry(each, transport, options));
    known.set(host, registries);
    return registries;
  };
  return {
    async resolve(ref, signal) {
      const reference = parseReference(ref);
      try {
        const target = await firstTarget(registriesOf(reference), reference, signal);
        return { name: reference.name, target };
      } catch (error) {
        throw withSubject(`failed to resolve reference "${reference.name}"`, error);
      }
    },
    fetcher(ref) {
      const reference = parseReference(ref);
      return createFetcher(registriesOf(reference), reference, pullScope(reference));
    },
  };
}

/** The answer of the first registry that knows it. Mirrors may fail in any way; the last one's words count. */
async function firstTarget(
  registries: readonly Registry[],
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  for (const registry of registries.slice(0, -1)) {
    try {
      return await resolveTarget(registry, reference, pullScope(reference), signal);
    } catch (error) {
      if (!(error instanceof CtrError) || error.code === "Canceled") throw error;
      registry.transport.log.event(`${registry.url.host} cannot resolve it: ${error.message}`);
    }
  }
  return resolveTarget(registries.at(-1)!, reference, pullScope(reference), signal);
}

function pullScope({ path }: Reference): string {
  return `repository:${path}:pull`;
}
