/**
 * The executable's first words. As `ctr _supervise BUNDLE` it is a task's supervisor, which stays for as long as its
 * task: nothing of the command line may be loaded into it. `ctr _restore-hook BUNDLE` is for the OCI runtime.
 */
const [role, bundlePath] = process.argv.slice(2);
if (role === "_supervise" && bundlePath) {
  const { supervise } = await import("../runtime/supervisor/main.ts");
  await supervise(bundlePath);
} else if (role === "_restore-hook" && bundlePath) {
  const { runRestoreHook } = await import("../runtime/supervisor/restore-hook.ts");
  await runRestoreHook(bundlePath);
} else {
  const { reportFailure, runProgram, withSystemPrograms } = await import("./program.ts");
  if (process.env.PATH) process.env.PATH = withSystemPrograms(process.env.PATH);
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) =>
      process.exit(reportFailure(error, process.argv.includes("--debug"))),
    );
  }
  process.exit(await runProgram(process.argv.slice(2)));
}
