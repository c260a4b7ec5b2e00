import { reportFailure } from "./failure.ts";
import { runProgram } from "./program.ts";

for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => process.exit(reportFailure(error, process.argv.includes("--debug"))));
}

process.exit(await runProgram(process.argv.slice(2)));
