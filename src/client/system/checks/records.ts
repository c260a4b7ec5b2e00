import { ifPresent } from "../../../core/errors.ts";
import { isAbandoned, removeAbandoned } from "../../containers/ephemeral.ts";
import { listContainers } from "../../leftovers.ts";
import { inNamespace, openNamespaces } from "../../namespaces/in-namespace.ts";
import type { Client } from "../../open.ts";
import type { CheckResult, Problem } from "../problem.ts";

/** The database file itself. */
export async function checkDatabase(client: Client): Promise<CheckResult> {
  const faults = await (await client.metadata()).faults();
  const remedy = "restore it from a copy, or recover it with `sqlite3 FILE .recover`";
  const problems = faults.map((fault) => ({ kind: "database", name: "metadata.db", fault, remedy }));
  return { kind: "database", checked: 1, problems };
}

/** That what images name is here. */
export async function checkImages(client: Client): Promise<CheckResult> {
  const metadata = await client.metadata();
  const problems: Problem[] = [];
  let checked = 0;
  for (const { name: namespace } of metadata.namespaces().list()) {
    for (const { name, target } of metadata.images(namespace).list()) {
      checked++;
      if (ifPresent(() => metadata.content(namespace).get(target.digest))) continue;
      const fault = `its target ${target.digest} is not here`;
      problems.push({ kind: "images", namespace, name, fault, remedy: `pull it: ctr images pull ${name}` });
    }
  }
  return { kind: "images", checked, problems };
}

/** That containers have their snapshots, and those of `run --rm` somebody who will remove them. */
export async function checkContainers(client: Client): Promise<CheckResult> {
  const metadata = await client.metadata();
  await using namespaces = openNamespaces(client);
  const containers = await listContainers(client);
  const problems: Problem[] = [];
  for (const { namespace, id, snapshotKey, snapshotter } of containers) {
    const name = { kind: "containers", namespace, name: id };
    const hasSnapshot = () => ifPresent(() => metadata.snapshots(namespace, snapshotter).get(snapshotKey));
    const isGone = () => !ifPresent(() => metadata.containers(namespace).get(id));
    if (await isAbandoned(namespaces.of(namespace), id)) {
      const mend = async () =>
        void (await inNamespace(client, namespace, (other) => removeAbandoned(other, id)));
      problems.push({ ...name, fault: "the ctr that would have removed it was killed", mend });
    } else if (snapshotKey !== "" && !hasSnapshot() && !isGone()) {
      const remedy = `delete it: ctr -n ${namespace} containers delete ${id}`;
      problems.push({ ...name, fault: `its snapshot ${snapshotKey} is missing`, remedy });
    }
  }
  return { kind: "containers", checked: containers.length, problems };
}
