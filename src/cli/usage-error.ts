/** Words on the command line that make no command. The text is ctr's own, without a class at its end. */
export class UsageError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.name = "UsageError";
    this.hint = hint;
  }
}

/** A command line that is understood but asks for too little: no help is printed, as ctr does. */
export class MissingArgument extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MissingArgument";
  }
}

/** No command of that name: exit code 3 and a line of its own. */
export class UnknownCommand extends Error {
  readonly hint: string | undefined;

  constructor(name: string, hint?: string) {
    super(`No help topic for '${name}'`);
    this.name = "UnknownCommand";
    this.hint = hint;
  }
}

/** A command line with nothing to do: help, and exit code 0. */
export class HelpWanted extends Error {
  constructor() {
    super("see the command's help");
    this.name = "HelpWanted";
  }
}
