export { snapshotterNames } from "../snapshotters/index.ts";
