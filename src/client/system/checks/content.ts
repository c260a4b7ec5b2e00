import type { ContentStore } from "../../../core/content.ts";
import { hasCode, ifPresent } from "../../../core/errors.ts";
import type { Holdings } from "../../../metadata/holdings.ts";
import { sweepersOf } from "../../collect.ts";
import { inNamespace, openNamespaces } from "../../namespaces/in-namespace.ts";
import type { Client } from "../../open.ts";
import type { CheckResult, Problem } from "../problem.ts";

type Row = Holdings["content"][number];

export interface ContentCheckOptions {
  /** Hash every blob, instead of trusting what has the right size. */
  verify: boolean;
  signal?: AbortSignal;
}

/** That each row's bytes are there. A blob that several namespaces have is read once. */
export async function checkBlobs(
  client: Client,
  { content }: Holdings,
  options: ContentCheckOptions,
): Promise<CheckResult> {
  await using namespaces = openNamespaces(client);
  const sweeper = (await sweepersOf(client)).content;
  const faults = new Map<string, string | undefined>();
  const problems: Problem[] = [];
  for (const row of content) {
    options.signal?.throwIfAborted();
    if (!faults.has(row.digest)) {
      const content = await namespaces.of(row.namespace).content();
      faults.set(row.digest, await faultOf(content, row, await sweeper.blobSize(row.digest), options));
    }
    const fault = faults.get(row.digest);
    if (fault) problems.push({ ...nameOf(row), fault, mend: () => dropRow(client, row) });
  }
  return { kind: "content", checked: faults.size, problems };
}

const nameOf = ({ namespace, digest }: Row) => ({ kind: "content", namespace, name: digest });

/** Undefined for what is whole, or was deleted since its row was read. */
async function faultOf(
  content: ContentStore,
  { digest, sizeBytes }: Row,
  actualBytes: number | undefined,
  { verify }: ContentCheckOptions,
): Promise<string | undefined> {
  try {
    if (actualBytes === sizeBytes) {
      return !verify || (await content.verify(digest)) ? undefined : "its bytes do not hash to its digest";
    }
    await content.info(digest);
    if (actualBytes === undefined) return "its bytes are missing";
    return `${actualBytes} of ${sizeBytes} bytes are there`;
  } catch (error) {
    if (hasCode(error, "NotFound")) return undefined;
    throw error;
  }
}

/** Then the next pull fetches it again. */
async function dropRow(client: Client, { namespace, digest }: Row): Promise<void> {
  await inNamespace(client, namespace, async (other) => {
    const content = await other.content();
    await ifPresent(() => content.delete(digest));
  });
}
