import { join } from "node:path";
import type { Client } from "./open.ts";

/** Where things are mounted for a moment that cannot be looked at, or written to, without a place. */
export const mountPlaces = ({ state }: Pick<Client, "state">): string => join(state, "mounts");
