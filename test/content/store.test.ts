import { contentStoreSuite } from "../suites/content-store.ts";
import { openContent } from "../support/content.ts";

contentStoreSuite("content store", openContent);
