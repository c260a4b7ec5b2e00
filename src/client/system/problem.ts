/** Something that is not as the database says, or that nobody will ever use again. */
export interface Problem {
  kind: string;
  namespace?: string;
  name: string;
  /** What is wrong: "its bytes are missing". */
  fault: string;
  /** What to do where this program cannot mend it: one imperative sentence. */
  remedy?: string;
  /** Makes it right, or throws. Doing it again is fine. */
  mend?: () => Promise<void>;
}

/** What one kind of check found, and among how many things. */
export interface CheckResult {
  kind: string;
  checked: number;
  problems: Problem[];
}
