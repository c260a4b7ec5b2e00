/**
 * Under which SELinux label files are made. Dangerous here: the label holds for whatever this thread makes until it is
 * taken back (proc(5), attr/fscreate), so it is given and taken back within one synchronous call.
 */
import { writeFileSync } from "node:fs";

const LABEL_OF_NEW_FILES = "/proc/thread-self/attr/fscreate";
/** Back to what the policy says; nothing at all would be no call of write(2). */
const NO_LABEL = "\n";

/** What `make` answers, which makes files; without a label as if it were called alone. Throws where SELinux is not. */
export function makeLabelled<T>(label: string | undefined, make: () => T): T {
  if (label === undefined) return make();
  writeFileSync(LABEL_OF_NEW_FILES, label);
  try {
    return make();
  } finally {
    writeFileSync(LABEL_OF_NEW_FILES, NO_LABEL);
  }
}
