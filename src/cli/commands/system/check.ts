import {
  type CheckResult,
  checkSystem,
  type Problem,
  repairSystem,
} from "../../../client/system/check-system.ts";
import { defineCommand } from "../../command.ts";
import { reportLine } from "../../failure.ts";
import { booleanFlag } from "../../flags/flag.ts";
import { type OutputFormat, outputFlag } from "../../flags/output.ts";
import { warn, writeOut } from "../../output.ts";
import { formatJson } from "../../print/json.ts";
import { formatTable, tableStyles } from "../../print/table.ts";

export default defineCommand({
  summary: "check that everything on disk is as the database says, in all namespaces",
  description:
    "Looks at every image, blob, snapshot, container, task and mount, and at what killed processes have left; exits with 1 when something is wrong. --repair removes what is left over, finishes what was begun, and gives up the records of blobs and layers whose bytes are gone, so that the next pull brings them back; what then still is wrong is shown.",
  examples: ["system check", "system check --verify", "system check --repair"],
  flags: {
    verify: booleanFlag("hash every blob"),
    repair: booleanFlag("mend what can be mended"),
    output: outputFlag,
  },
  args: {},
  async run({ flags }, context) {
    const client = await context.openClient();
    const options = { verify: flags.verify, signal: context.signal };
    const found = await checkSystem(client, options);
    if (!flags.repair) {
      printReport(found, [], flags.output);
      return isSound(found) ? 0 : 1;
    }
    const { results, repaired, failures } = await repairSystem(client, found, options);
    for (const { problem, error } of failures) warn(`${problem.kind} ${problem.name}: ${reportLine(error)}`);
    printReport(results, repaired, flags.output);
    return isSound(results) ? 0 : 1;
  },
});

const isSound = (results: readonly CheckResult[]): boolean =>
  results.every(({ problems }) => problems.length === 0);

function printReport(
  results: readonly CheckResult[],
  repaired: readonly Problem[],
  format: OutputFormat,
): void {
  const problems = [
    ...repaired.map((problem) => ({ problem, state: "repaired" })),
    ...results.flatMap((result) => result.problems.map((problem) => ({ problem, state: "wrong" }))),
  ];
  if (format === "json") {
    const checked = Object.fromEntries(results.map((result) => [result.kind, result.checked]));
    const records = problems.map(({ problem: { mend, ...rest }, state }) => ({ ...rest, state }));
    writeOut(formatJson({ checked, problems: records }));
    return;
  }
  const counts = results.map(({ kind, checked, problems }) => [kind, `${checked}`, `${problems.length}`]);
  writeOut(formatTable(tableStyles.spaced, ["KIND", "CHECKED", "WRONG"], counts));
  if (problems.length === 0) return;
  const rows = problems.map(({ problem: { kind, namespace = "-", name, fault, remedy }, state }) => [
    state,
    kind,
    namespace,
    name,
    remedy && state === "wrong" ? `${fault} (${remedy})` : fault,
  ]);
  writeOut(`\n${formatTable(tableStyles.spaced, ["STATE", "KIND", "NAMESPACE", "NAME", "PROBLEM"], rows)}`);
}
