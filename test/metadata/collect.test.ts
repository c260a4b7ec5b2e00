import { garbageCollectionSuite } from "../suites/garbage-collection.ts";
import { openDirectories } from "../support/directories.ts";

garbageCollectionSuite("garbage collection", "plain", openDirectories);
