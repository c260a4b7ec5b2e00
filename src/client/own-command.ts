/** The command line that starts this program: the standalone executable, or Bun with the sources' entry point. */
export function ownCommand(): string[] {
  const isStandalone = Bun.main.startsWith("/$bunfs");
  return isStandalone ? [process.execPath] : [process.execPath, Bun.main];
}
