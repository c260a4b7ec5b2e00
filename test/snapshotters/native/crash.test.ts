import { test } from "uvu";
import { addCrashCase } from "../../suites/snapshotter-crash.ts";

addCrashCase(test, "native");

test.run();
