import type { Descriptor } from "./descriptor.ts";
import { CtrError } from "./errors.ts";
import { quote } from "./quote.ts";

/** Registries must take manifests of 4 MiB (OCI distribution spec); twice that is the most we read into memory. */
export const MAX_DOCUMENT_BYTES = 8 * 1024 * 1024;

/** Throws InvalidArgument for an index, manifest or config too large to hold in memory: ask before reading it. */
export function checkDocumentSize({ digest, size }: Pick<Descriptor, "digest" | "size">): void {
  refuseHuge(`document ${digest}`, size);
}

function refuseHuge(subject: string, sizeBytes: number): void {
  if (sizeBytes <= MAX_DOCUMENT_BYTES) return;
  const words = `${sizeBytes} bytes are too many for a manifest or config (at most ${MAX_DOCUMENT_BYTES})`;
  throw new CtrError("InvalidArgument", `${subject}: ${words}`);
}

/**
 * Reads a JSON object written by strangers, field by field. Absent and `null` are the same, as in Go; a field of
 * another type than asked for throws InvalidArgument naming where it stands.
 */
export class JsonFields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #subject: string;
  readonly #path: string;

  constructor(value: unknown, subject: string, path = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new CtrError("InvalidArgument", `${subject}: ${path || "document"} is not an object`);
    }
    this.#values = value as Record<string, unknown>;
    this.#subject = subject;
    this.#path = path;
  }

  /** Throws InvalidArgument for bytes that are not one JSON object, or more than `MAX_DOCUMENT_BYTES`. */
  static parse(bytes: Uint8Array, subject: string): JsonFields {
    refuseHuge(subject, bytes.length);
    let value: unknown;
    try {
      value = JSON.parse(new TextDecoder().decode(bytes));
    } catch (cause) {
      throw new CtrError("InvalidArgument", `${subject}: document is not JSON`, { cause });
    }
    return new JsonFields(value, subject);
  }

  /** Field names that carry something, in lower case: Go reads `Layers` as `layers`, so must whoever looks for traps. */
  filledNames(): Set<string> {
    const filled = Object.entries(this.#values).filter(([, value]) => !isEmpty(value));
    return new Set(filled.map(([name]) => name.toLowerCase()));
  }

  /** As they are written, `null` ones included. */
  names(): string[] {
    return Object.keys(this.#values);
  }

  string(name: string): string | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(name, "a string");
  }

  boolean(name: string): boolean | undefined {
    const value = this.#value(name);
    if (value === undefined || typeof value === "boolean") return value;
    throw this.wrong(name, "true or false");
  }

  /** A number of bytes, or of things: an integer from 0 that a double holds exactly. */
  count(name: string): number | undefined {
    const value = this.#value(name);
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0)) {
      return value as number | undefined;
    }
    throw this.wrong(name, "a size");
  }

  strings(name: string, most = Number.MAX_SAFE_INTEGER): string[] | undefined {
    const values = this.#array(name, most);
    if (values?.every((value) => typeof value === "string") === false)
      throw this.wrong(name, "a list of strings");
    return values as string[] | undefined;
  }

  stringMap(name: string): Record<string, string> | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const object = new JsonFields(value, this.#subject, this.#at(name));
    const entries = Object.keys(object.#values).map((key) => [key, object.string(key) ?? ""] as const);
    return Object.fromEntries(entries);
  }

  /** A set as Go writes one: `{"80/tcp": {}}`. */
  set(name: string): Record<string, object> | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    const members = Object.keys(new JsonFields(value, this.#subject, this.#at(name)).#values);
    return Object.fromEntries(members.map((member) => [member, {}]));
  }

  object(name: string): JsonFields | undefined {
    const value = this.#value(name);
    return value === undefined ? undefined : new JsonFields(value, this.#subject, this.#at(name));
  }

  objects(name: string, most: number): JsonFields[] | undefined {
    return this.#array(name, most)?.map(
      (value, index) => new JsonFields(value, this.#subject, `${this.#at(name)}[${index}]`),
    );
  }

  /** The error that says what a field should have been. */
  wrong(name: string, wanted: string): CtrError {
    return new CtrError("InvalidArgument", `${this.#subject}: ${this.#at(name)} is not ${wanted}`);
  }

  #array(name: string, most: number): unknown[] | undefined {
    const value = this.#value(name);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) throw this.wrong(name, "a list");
    if (value.length > most) throw this.wrong(name, `a list of at most ${most} entries (${value.length})`);
    return value;
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
  }

  #at(name: string): string {
    const shown = /^[\w.-]{1,64}$/.test(name) ? name : quote(name);
    return this.#path ? `${this.#path}.${shown}` : shown;
  }
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === "") return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
