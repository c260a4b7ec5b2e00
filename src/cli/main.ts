/** The executable's entry: a command line, or the supervisor of one task, which must not load the commands. */
if (process.argv[2] === "_supervise") {
  const { supervise } = await import("../runtime/supervisor/main.ts");
  await supervise(process.argv[3] ?? "");
} else {
  const [{ reportFailure }, { runProgram }] = await Promise.all([
    import("./failure.ts"),
    import("./program.ts"),
  ]);
  for (const event of ["uncaughtException", "unhandledRejection"] as const) {
    process.on(event, (error: unknown) =>
      process.exit(reportFailure(error, process.argv.includes("--debug"))),
    );
  }
  process.exit(await runProgram(process.argv.slice(2)));
}
