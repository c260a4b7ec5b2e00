import { isIP } from "node:net";
import { CtrError } from "../core/errors.ts";
import { parseExactJson } from "../core/exact-json.ts";
import { JsonFields } from "../core/json-fields.ts";
import type { NetworkAddress } from "../core/network.ts";
import { quote } from "../core/quote.ts";
import { isSpoken } from "./version.ts";

const MOST_ENTRIES = 10_000;
const MOST_LEVELS = 100;
const MOST_WORDS = 4000;

/** What a plugin answered, and is handed on. */
export type PluginResult = Readonly<Record<string, unknown>>;

/** The answer to ADD. Throws InvalidArgument for what is none, or none of a version that we know. */
export function parseResult(stdout: string, cniVersion: string, subject: string): PluginResult {
  const fields = JsonFields.parse(Buffer.from(stdout), subject);
  const version = fields.string("cniVersion") || cniVersion;
  if (!isSpoken(version))
    throw fields.wrong("cniVersion", `a version of CNI that is known here (${quote(version)})`);
  addressesIn(fields, "");
  // Writing it again takes more of the stack than reading it.
  if (isDeeperThan(MOST_LEVELS, JSON.parse(stdout)))
    throw new CtrError("InvalidArgument", `${subject}: document is nested too deeply`);
  return { ...(parseExactJson(stdout) as object), cniVersion: version };
}

const isDeeperThan = (levels: number, value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  (levels === 0 || Object.values(value).some((inner) => isDeeperThan(levels - 1, inner)));

/** Of the container's own interfaces; `interfaceName` is that of addresses which do not say. */
export function addressesOf(result: PluginResult, interfaceName: string): NetworkAddress[] {
  return addressesIn(new JsonFields(result, "network attachment"), interfaceName);
}

function addressesIn(fields: JsonFields, interfaceName: string): NetworkAddress[] {
  const interfaces = fields.objects("interfaces", MOST_ENTRIES) ?? [];
  const addresses = (fields.objects("ips", MOST_ENTRIES) ?? []).flatMap((entry) => {
    const at = entry.count("interface");
    const address = addressIn(entry, "address");
    if (at === undefined) return [{ interface: interfaceName, address }];
    const place = interfaces[at];
    if (place === undefined) throw entry.wrong("interface", "the number of an interface");
    // Without a sandbox it is one of the host's.
    return place.string("sandbox") ? [{ interface: nameIn(place) ?? interfaceName, address }] : [];
  });
  return [...addresses, ...oldAddresses(fields, interfaceName)];
}

/** As until version 0.2.0. */
function oldAddresses(fields: JsonFields, interfaceName: string): NetworkAddress[] {
  return ["ip4", "ip6"].flatMap((family) => {
    const entry = fields.object(family);
    return entry ? [{ interface: interfaceName, address: addressIn(entry, "ip") }] : [];
  });
}

function addressIn(entry: JsonFields, name: string): string {
  const address = entry.string(name) ?? "";
  const [, ip = "", bits = ""] = /^([^/]+)\/(\d{1,3})$/.exec(address) ?? [];
  const family = isIP(ip);
  if (family !== 0 && Number(bits) <= (family === 4 ? 32 : 128)) return address;
  throw entry.wrong(name, "an address with its prefix");
}

/** What the kernel takes for one (dev_valid_name). */
function nameIn(place: JsonFields): string | undefined {
  const name = place.string("name");
  if (name === undefined || /^[^\s/:\p{Cc}]{1,15}$/u.test(name)) return name;
  throw place.wrong("name", "the name of an interface");
}

/** A plugin's words without power over terminals, and not endlessly many. */
export const onOneLine = (text: string): string =>
  text
    .slice(0, MOST_WORDS)
    .replaceAll(/[\s\p{Cc}\p{Cf}]+/gu, " ")
    .trim();

/** Why a plugin failed: in its own words where it says so as the specification wants it, or else on standard error. */
export function failureWords(stdout: string, stderr: string, status: string): string {
  try {
    const answer = JsonFields.parse(Buffer.from(stdout), "");
    const words = [answer.string("msg"), answer.string("details")].filter(Boolean).join("; ");
    if (words) return onOneLine(words);
  } catch (error) {
    if (!(error instanceof CtrError)) throw error;
  }
  const last = [stderr, stdout].map((text) => text.trim()).find(Boolean);
  return last ? `${status}: ${quote(last)}` : status;
}
