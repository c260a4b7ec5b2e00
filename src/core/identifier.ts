import { CtrError } from "./errors.ts";

const PATTERN = /^[A-Za-z0-9]+(?:[._-](?:[A-Za-z0-9]+))*$/;
const MAX_LENGTH = 76;

/** containerd's rule for namespaces, containers and execs: safe as a file name. Throws InvalidArgument. */
export function validateIdentifier(id: string): void {
  if (id === "") throw new CtrError("InvalidArgument", "identifier must not be empty");
  if (id.length > MAX_LENGTH) {
    throw new CtrError(
      "InvalidArgument",
      `identifier ${JSON.stringify(id)} greater than maximum length (${MAX_LENGTH} characters)`,
    );
  }
  if (!PATTERN.test(id)) {
    throw new CtrError("InvalidArgument", `identifier ${JSON.stringify(id)} must match ${PATTERN.source}`);
  }
}
