import type { ProgressState } from "../../core/progress.ts";
import { writeOut } from "../output.ts";
import { openProgress, type Progress } from "./open-progress.ts";

const FINAL: readonly ProgressState[] = ["resolved", "done", "exists"];

/**
 * For commands whose result is what they moved: a live screen on a terminal, elsewhere a line on standard output for
 * each thing that has arrived, as ctr's last screen has them: `layer-sha256:…: done`.
 */
export async function openRows({ quiet }: { quiet: boolean }): Promise<Progress> {
  const progress = await openProgress({ quiet });
  if (quiet || progress.isLive) return progress;
  const shown = new Set<string>();
  return {
    ...progress,
    onProgress: ({ name, state }) => {
      if (!FINAL.includes(state) || shown.has(name)) return;
      shown.add(name);
      writeOut(`${name}: ${state}\n`);
    },
    [Symbol.dispose]() {},
  };
}
