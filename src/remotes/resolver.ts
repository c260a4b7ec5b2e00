import type { Descriptor } from "../core/descriptor.ts";
import { CtrError, withSubject } from "../core/errors.ts";
import { parseReference, type Reference } from "../core/reference.ts";
import type { Resolver } from "../core/remotes.ts";
import { PartBudget } from "./blob-parts.ts";
import { createFetcher } from "./fetcher.ts";
import { type Capability, findHosts, hasCapability } from "./hosts.ts";
import type { RemoteOptions } from "./options.ts";
import type { Place } from "./place.ts";
import { createPusher } from "./pusher.ts";
import { listReferrers } from "./referrers.ts";
import { Registry } from "./registry.ts";
import { resolveTarget } from "./resolve-target.ts";
import { Transport } from "./transport.ts";

/** Speaks to registries for one command: connections, tokens and what was learnt of each host are shared within. */
export function openResolver(options: RemoteOptions = {}): Resolver {
  const transport = new Transport(options);
  const budget = new PartBudget();
  const known = new Map<string, Promise<Registry[]>>();
  const registriesOf = ({ host, path }: Reference): Promise<Registry[]> => {
    const key = `${host}/${path}`;
    const registries = known.get(key) ?? openRegistries(host, path, transport, options);
    known.set(key, registries);
    return registries;
  };
  return {
    async resolve(ref, signal) {
      const reference = parseReference(ref);
      try {
        const registries = capable(await registriesOf(reference), "resolve", reference.host);
        const target = await firstTarget(registries, reference, signal);
        return { name: reference.name, target };
      } catch (error) {
        throw withSubject(`failed to resolve reference "${reference.name}"`, error);
      }
    },
    fetcher(ref) {
      const reference = parseReference(ref);
      const { path, host } = reference;
      const scope = pullScope(reference);
      const openPlaces = async (signal?: AbortSignal): Promise<Place[]> => {
        const registries = capable(await registriesOf(reference), "pull", host);
        return registries.map((registry) => ({ registry, path, scope, signal }));
      };
      return createFetcher(openPlaces, transport.pace, budget);
    },
    pusher(ref) {
      const reference = parseReference(ref);
      const registry = async () => capable(await registriesOf(reference), "push", reference.host)[0]!;
      return createPusher(registry, reference);
    },
    async referrers(ref, subject, { artifactType, signal } = {}) {
      const reference = parseReference(ref);
      const { path, host } = reference;
      try {
        const registries = await registriesOf(reference);
        const able = registries.some((registry) => hasCapability(registry.host, "referrers"));
        const asked = capable(registries, able ? "referrers" : "resolve", host);
        const scope = pullScope(reference);
        const places = asked.map((registry) => ({ registry, path, scope, signal }));
        return await listReferrers(places, subject, { artifactType });
      } catch (error) {
        throw withSubject(`failed to list referrers of ${subject}`, error);
      }
    },
  };
}

async function openRegistries(
  host: string,
  path: string,
  transport: Transport,
  options: RemoteOptions,
): Promise<Registry[]> {
  const [hosts, usual] = await Promise.all([findHosts(host, options), options.headers?.()]);
  const withHeaders = hosts.map((each) => ({ ...each, headers: { ...usual, ...each.headers } }));
  return withHeaders.map((each) => new Registry(each, path, transport, options));
}

function capable(registries: readonly Registry[], capability: Capability, host: string): Registry[] {
  const able = registries.filter((registry) => hasCapability(registry.host, capability));
  if (able.length > 0) return able;
  throw new CtrError("NotFound", `no ${capability} hosts for ${host}`, {
    hint: `give a host the capability "${capability}" in its hosts.toml`,
  });
}

/** A mirror that is down for a while has somebody behind it who is not. */
const MIRROR_PACE = { tries: 2 };

/** The answer of the first registry that knows it. Mirrors may fail in any way; the last one's words count. */
async function firstTarget(
  registries: readonly Registry[],
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  for (const registry of registries.slice(0, -1)) {
    try {
      return await resolveTarget(registry, reference, pullScope(reference), signal, MIRROR_PACE);
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
