import { join } from "node:path";

/** Where things are mounted for a moment that cannot be looked at, or written to, without a place. */
export const mountPlaces = ({ state }: { state: string }): string => join(state, "mounts");
