import { hasCode, ifPresent } from "../../core/errors.ts";
import { keepWritersOut } from "../../files/collection-lock.ts";
import type { Plugin } from "./plugin.ts";
import type { PluginNames } from "./plugin-names.ts";

export interface RemovalContext {
  /** The state directory. */
  root: string;
  names: PluginNames;
  plugin: Plugin;
  /**
   * Whether to remove also what the plugin had offered, for which writers are kept out: not for who holds off the
   * collector, perhaps further up the stack. Without it that is left to the next collection.
   */
  withOffered: boolean;
}

/**
 * Has the plugin remove what was set aside. What it cannot remove now, since another's snapshot stands on it, or
 * because it does not answer, stays aside for the next collection.
 * `onRemove` is told of each snapshot just before it goes.
 */
export async function removeSetAside(
  context: RemovalContext,
  ids: readonly number[],
  onRemove: (name: string) => Promise<void> = async () => {},
): Promise<void> {
  const removed = await untilNothingChanges(ids, (id) => removeOne(context, id, onRemove));
  // What it puts off after that is its own affair; the next removal asks again.
  if (removed) await context.plugin.cleanup().catch(() => {});
}

/** Children must go before their parents, and only the plugin knows which those are. */
async function untilNothingChanges(
  ids: readonly number[],
  remove: (id: number) => Promise<"removed" | "in use" | "no answer">,
): Promise<boolean> {
  let left = [...ids];
  for (;;) {
    const inUse: number[] = [];
    for (const id of left) {
      const outcome = await remove(id);
      if (outcome === "no answer") return left.length < ids.length;
      if (outcome === "in use") inUse.push(id);
    }
    if (inUse.length === left.length) return left.length < ids.length;
    left = inUse;
  }
}

async function removeOne(context: RemovalContext, id: number, onRemove: (name: string) => Promise<void>) {
  const { root, names, plugin, withOffered } = context;
  try {
    for (const name of names.readAside(id).reverse()) {
      const [namespace = "", owner = ""] = name.split("/");
      if (owner.startsWith(`${id}-`)) {
        await onRemove(name);
        await ifPresent(() => plugin.inNamespace(namespace).remove(name));
        continue;
      }
      if (!withOffered) return "in use";
      // A snapshot that the plugin offered can have been offered again since, under another id.
      using _ = await keepWritersOut(root);
      if (names.ids().some((other) => names.read(other).includes(name))) continue;
      await onRemove(name);
      await ifPresent(() => plugin.remove(name));
    }
    names.forgetAside(id);
    return "removed";
  } catch (error) {
    if (hasCode(error, "FailedPrecondition")) return "in use";
    if (hasCode(error, "Unavailable", "DeadlineExceeded")) return "no answer";
    throw error;
  }
}

/** A name nobody else can have: of a snapshot with the id `id`, whatever state directory the plugin served before. */
export function pluginName(namespace: string, id: number, token: string, key: string): string {
  return `${namespace}/${id}-${token}/${key}`;
}
