import { writeOut } from "../output.ts";
import { openProgress, type Progress } from "./open-progress.ts";
import { FINISHED } from "./tally.ts";

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
    onProgress: (row) => {
      progress.onProgress?.(row);
      const { name, state } = row;
      if (!FINISHED.includes(state) || shown.has(name)) return;
      shown.add(name);
      writeOut(`${name}: ${state}\n`);
    },
  };
}
