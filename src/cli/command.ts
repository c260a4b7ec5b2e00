import type { Completion } from "./completion/kinds.ts";
import type { Context } from "./context.ts";
import type { Flags, FlagValues } from "./flags/flag.ts";

/** A positional argument; its name in help is its key. */
export interface Argument<T> {
  readonly kind: "required" | "optional" | "variadic";
  /** What to say when a required one is absent: ctr's own sentence. */
  readonly missing?: string;
  readonly completion?: Completion;
  /** Carries the type only; never set. */
  readonly value?: T;
}

export type Arguments = Readonly<Record<string, Argument<unknown>>>;
export type ArgumentValues<A extends Arguments> = {
  readonly [K in keyof A]: A[K] extends Argument<infer T> ? T : never;
};

interface ArgumentOptions {
  completion?: Completion;
}

/** Without a sentence, a missing one shows the command's help with exit code 0, as some of ctr's commands do. */
export function required(missing: string, options?: ArgumentOptions): Argument<string>;
export function required(options?: ArgumentOptions): Argument<string>;
export function required(first?: string | ArgumentOptions, options?: ArgumentOptions): Argument<string> {
  const missing = typeof first === "string" ? first : undefined;
  return { kind: "required", missing, ...(typeof first === "string" ? options : first) };
}

export const optional = (options: ArgumentOptions = {}): Argument<string | undefined> => ({
  kind: "optional",
  ...options,
});
/** All that are left, perhaps none; the last argument of a command. */
export const variadic = (options: ArgumentOptions = {}): Argument<readonly string[]> => ({
  kind: "variadic",
  ...options,
});

export interface Input<F extends Flags, A extends Arguments> {
  readonly flags: FlagValues<F>;
  readonly args: ArgumentValues<A>;
}

/** A command is one of these: everything that help, man pages, completion and parsing know about it. */
export interface CommandDefinition<F extends Flags = Flags, A extends Arguments = Arguments> {
  /** One line, lower case, no full stop. */
  readonly summary: string;
  /** Paragraphs for help and the man page. */
  readonly description?: string;
  /** Command lines that work as they stand, without the leading `ctr`. */
  readonly examples?: readonly string[];
  readonly flags: F;
  readonly args: A;
  /** After so many positionals every word belongs to the container's own command, flags and `--` included. */
  readonly commandAfter?: number;
  /** Does the work; answers the exit code when it is not 0. Throws `CtrError`. */
  run(input: Input<F, A>, context: Context): Promise<number | undefined> | Promise<void>;
}

/** Types `run` by the definition's own flags and arguments. */
export function defineCommand<const F extends Flags, const A extends Arguments>(
  definition: CommandDefinition<F, A>,
): CommandDefinition<F, A> {
  return definition;
}

/** A line of the command table: names (the first is the main one) and how to load the definition. */
export interface Leaf {
  readonly names: readonly string[];
  readonly load: () => Promise<{ default: CommandDefinition }>;
  /** Left out of help and completion. */
  readonly hidden?: boolean;
}

export interface Group {
  readonly names: readonly string[];
  readonly summary: string;
  /** Flags of the group's commands that may also stand before the command's name. */
  readonly flags?: Flags;
  readonly members: readonly (Leaf | Group)[];
}

export const isGroup = (entry: Leaf | Group): entry is Group => "members" in entry;
