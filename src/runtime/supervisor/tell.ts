/** Events that only a supervisor knows of, in containerd's fields. */
import type { Bundle } from "../bundle.ts";
import type { TaskRecord } from "../records.ts";
import type { StdioPlan, StreamSource } from "./protocol.ts";
import type { End } from "./reaper.ts";

export function tellCreation(bundle: Bundle, task: TaskRecord, stdio: StdioPlan, pid: number): void {
  const [stdin, stdout, stderr] = [stdio.stdin, stdio.stdout, stdio.stderr].map((source) =>
    uriOf(source, stdio),
  );
  bundle.publish("/tasks/create", {
    container_id: bundle.id,
    bundle: bundle.path,
    rootfs: task.mounts,
    io: { stdin, stdout, stderr, terminal: task.terminal },
    checkpoint: task.checkpointDir,
    pid,
  });
}

/** Of the first process, whose id is the container's, or of an exec. */
export function tellExit({ id, publish }: Bundle, processId: string, pid: number, { status, at }: End): void {
  publish("/tasks/exit", {
    container_id: id,
    id: processId,
    pid,
    exit_status: status,
    exited_at: at,
  });
}

function uriOf(source: StreamSource, { logger }: StdioPlan): string | undefined {
  switch (source.kind) {
    case "fifo":
      return source.path;
    case "append":
      return `file://${source.path}`;
    case "logger":
      return `binary://${logger?.command[0]}`;
    // Nobody else can open these.
    case "caller":
    case "null":
      return undefined;
  }
}
