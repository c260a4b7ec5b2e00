/**
 * Shows the product at work, without internet: an image made of this machine's busybox is pushed to a registry on
 * loopback, then `ctr` alone pulls, runs, enters, kills and removes. Everything lives in a temporary directory that
 * is gone afterwards, also when a step fails or the demo is interrupted.
 */
import { busyboxImage } from "../test/support/busybox-image.ts";
import { type Ctr, createCtr } from "../test/support/ctr.ts";
import { pushImage } from "../test/support/push-image.ts";
import { startRegistry } from "../test/support/registry.ts";
import type { RunOptions } from "../test/support/run-program.ts";
import { tempDir } from "../test/support/temp.ts";
import { waitFor } from "../test/support/wait-for.ts";

interface Step {
  words: string[];
  /** Fed to stdin by a pipe. */
  input?: string;
  /** The exit status that is right; 0 without it. */
  exits?: number;
  /** Afterwards, waited for before the next step. */
  until?: (ctr: Ctr) => Promise<boolean>;
}

const isStopped = async (ctr: Ctr) => (await ctr.ok("tasks", "ls")).includes("STOPPED");

const steps = (ref: string): Step[] => [
  { words: ["version"] },
  { words: ["images", "pull", ref] },
  { words: ["images", "ls"] },
  { words: ["content", "ls"] },
  { words: ["run", "--rm", ref, "hello", "echo", "hello from a container"] },
  { words: ["run", "--rm", ref, "loud", "tr", "a-z", "A-Z"], input: "through a pipe\n" },
  { words: ["run", "--rm", ref, "seven", "sh", "-c", "exit 7"], exits: 7 },
  { words: ["run", "-d", ref, "web", "sleep", "1000"] },
  { words: ["containers", "ls"] },
  { words: ["tasks", "ls"] },
  { words: ["tasks", "exec", "--exec-id", "look", "web", "ps"] },
  { words: ["tasks", "kill", "--signal", "KILL", "web"], until: isStopped },
  { words: ["tasks", "ls"] },
  { words: ["tasks", "rm", "web"] },
  { words: ["containers", "rm", "web"] },
  { words: ["images", "rm", ref] },
  { words: ["images", "ls"] },
];

function show({ words, input }: Step): void {
  const quoted = words.map((word) => (/^[\w./:@=-]+$/.test(word) ? word : `'${word}'`)).join(" ");
  console.log(`\n$ ${input ? `echo ${input.trim()} | ` : ""}ctr ${quoted}`);
}

async function perform(ctr: Ctr, step: Step): Promise<void> {
  const options: RunOptions = { stdin: step.input };
  const { code, stdout, stderr } = await ctr.with(options)(...step.words);
  process.stdout.write(stdout);
  process.stdout.write(stderr);
  if (code !== 0) console.log(`(exit status ${code})`);
  const { exits = 0, until } = step;
  if (code !== exits) throw new Error(`ctr ${step.words[0]} ended with ${code}, not ${exits}`);
  if (until) await waitFor(() => until(ctr), { what: `the effect of ctr ${step.words.join(" ")}` });
}

let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    interrupted = true;
  });
}

async function demo(): Promise<void> {
  using directory = tempDir();
  await using registry = await startRegistry(directory.path);
  await using ctr = createCtr(directory.path);
  const ref = await pushImage(busyboxImage(), registry, "demo/busybox", "1");
  console.log(`# An image made of this machine's busybox waits in a registry on ${registry.host}.`);
  console.log("# From here on ctr does everything, with its state in a temporary directory, and no daemon.");
  for (const step of steps(ref)) {
    if (interrupted) throw new Error("interrupted");
    show(step);
    await perform(ctr, step);
  }
}

try {
  await demo();
  console.log("\n# Done. Nothing is left running, mounted or stored.");
} catch (error) {
  console.error(`\nscripts/demo: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
