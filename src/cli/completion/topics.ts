import type { Topic } from "../../core/events.ts";

const TOPICS: Readonly<Record<Topic, true>> = {
  "/containers/create": true,
  "/containers/delete": true,
  "/containers/update": true,
  "/content/create": true,
  "/content/delete": true,
  "/images/create": true,
  "/images/delete": true,
  "/images/update": true,
  "/namespaces/create": true,
  "/namespaces/delete": true,
  "/namespaces/update": true,
  "/snapshot/commit": true,
  "/snapshot/prepare": true,
  "/snapshot/remove": true,
  "/tasks/checkpointed": true,
  "/tasks/create": true,
  "/tasks/delete": true,
  "/tasks/exec-added": true,
  "/tasks/exec-started": true,
  "/tasks/exit": true,
  "/tasks/oom": true,
  "/tasks/paused": true,
  "/tasks/resumed": true,
  "/tasks/start": true,
};

/** What an argument of `ctr events` most often is. A value that begins with a slash would need quotes, as in containerd. */
export const topicFilters: readonly string[] = Object.keys(TOPICS).map((topic) => `topic~=^${topic}$`);
