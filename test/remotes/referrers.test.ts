import { test } from "uvu";
import * as assert from "uvu/assert";
import type { ContentProvider } from "../../src/core/content.ts";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { CtrError, type ErrorCode } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import {
  type Answer,
  type HostileRegistry,
  type Script,
  type SeenRequest,
  startHostileRegistry,
} from "../support/hostile-registry.ts";
import { blobOf, digestOf } from "../support/image.ts";

const PACE = { responseMs: 2_000, stallMs: 500, tries: 2, firstDelayMs: 1, longestDelayMs: 50 };
const SUBJECT = digestOf("subject");
const API = `/v2/app/referrers/${SUBJECT}`;
const TAG = `/v2/app/manifests/sha256-${SUBJECT.slice("sha256:".length)}`;

const entry = (name: string, artifactType?: string): Descriptor => ({
  mediaType: mediaTypes.ociManifest,
  digest: digestOf(name),
  size: 100,
  ...(artifactType && { artifactType }),
});
const SIGNATURE = entry("signature", "application/signature");
const SBOM = entry("sbom", "application/sbom");

const listing = (manifests: object[], headers: Record<string, string> = {}): Answer => ({
  headers: { "content-type": mediaTypes.ociIndex, ...headers },
  body: JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
});

async function list(registry: HostileRegistry, artifactType?: string): Promise<Descriptor[] | CtrError> {
  const resolver = openResolver({ plainHttp: true, pace: PACE });
  try {
    return await resolver.referrers(`${registry.host}/app`, SUBJECT, { artifactType });
  } catch (error) {
    assert.instance(error, CtrError);
    return error as CtrError;
  }
}

const answers: [name: string, script: Script, found: Descriptor[], asked: string[]][] = [
  ["by the registry's API", { [API]: listing([SIGNATURE, SBOM]) }, [SIGNATURE, SBOM], [API]],
  ["nothing by the API", { [API]: listing([]) }, [], [API]],
  ["by the tag", { [TAG]: listing([SBOM]) }, [SBOM], [API, TAG]],
  ["neither API nor tag", {}, [], [API, TAG]],
  ["no such method", { [API]: { status: 405 }, [TAG]: listing([SBOM]) }, [SBOM], [API, TAG]],
];
for (const [name, script, found, asked] of answers) {
  test(`referrers are listed: ${name}`, async () => {
    await using registry = await startHostileRegistry(script);
    assert.equal(await list(registry), found);
    assert.equal(
      registry.seen.map(({ path }) => path),
      asked,
    );
  });
}

test("a list in pages is read to its end", async () => {
  const page = ({ path }: SeenRequest): Answer =>
    path.includes("page=2") ? listing([SBOM]) : listing([SIGNATURE], { link: `<${API}?page=2>; rel="next"` });
  await using registry = await startHostileRegistry({ [API]: page });
  assert.equal(await list(registry), [SIGNATURE, SBOM]);
});

test("the type is asked for, and sorted out here where the registry does not", async () => {
  const applied = { "oci-filters-applied": "artifactType" };
  for (const answer of [listing([SBOM], applied), listing([SIGNATURE, SBOM])]) {
    await using registry = await startHostileRegistry({ [API]: answer });
    assert.equal(await list(registry, "application/sbom"), [SBOM]);
    assert.is(registry.seen[0]!.path, `${API}?artifactType=application%2Fsbom`);
  }
  await using registry = await startHostileRegistry({ [TAG]: listing([SIGNATURE, SBOM]) });
  assert.equal(await list(registry, "application/signature"), [SIGNATURE]);
});

const other = "http://127.0.0.2:9/elsewhere";
const failures: [name: string, script: Script, code: ErrorCode, words: RegExp][] = [
  ["a page", { [API]: { body: "<html>" } }, "InvalidArgument", /not JSON/],
  ["a manifest", { [API]: { body: '{"config":{},"layers":[{}]}' } }, "InvalidArgument", /media-type/],
  [
    "both in one",
    { [API]: { body: JSON.stringify({ manifests: [SBOM], layers: [SBOM] }) } },
    "InvalidArgument",
    /found both/,
  ],
  ["no list", { [API]: { body: '{"manifests":{"a":1}}' } }, "InvalidArgument", /not a list/],
  [
    "a digest that is a path",
    { [API]: listing([{ ...SBOM, digest: "sha256:../../etc" }]) },
    "InvalidArgument",
    /digest/,
  ],
  ["a list without end", { [API]: { forever: Buffer.alloc(65_536, " ") } }, "ResourceExhausted", /more than/],
  [
    "pages that are more than memory is for",
    {
      [API]: listing([{ ...SBOM, annotations: { x: "x".repeat(1 << 20) } }], {
        link: `<${API}?again>; rel="next"`,
      }),
    },
    "ResourceExhausted",
    /more than/,
  ],
  [
    "pages without end",
    { [API]: listing([], { link: `<${API}?again>; rel="next"` }) },
    "ResourceExhausted",
    /does not end/,
  ],
  [
    "a next page elsewhere",
    { [API]: listing([], { link: `<${other}>; rel="next"` }) },
    "PermissionDenied",
    /another host/,
  ],
  ["a refusal", { [API]: { status: 403 } }, "PermissionDenied", /403/],
  ["a challenge nobody meets", { [API]: { status: 401 } }, "Unauthenticated", /authorization/],
  ["a broken registry", { [API]: { status: 500 } }, "Unavailable", /500/],
  [
    "silence",
    { [API]: { headers: { "content-length": "100" }, end: "silence" } },
    "DeadlineExceeded",
    /timeout/,
  ],
  [
    "a tag that is an image",
    { [TAG]: { body: '{"config":{},"layers":[{}]}' } },
    "InvalidArgument",
    /media-type/,
  ],
];
for (const [name, script, code, words] of failures) {
  test(`a list of referrers ends in one clear line: ${name}`, async () => {
    await using registry = await startHostileRegistry(script);
    const error = await list(registry);
    assert.instance(error, CtrError);
    const { code: got, message } = error as CtrError;
    assert.is(got, code, message);
    assert.match(message, /^failed to list referrers of sha256:[^\n]+$/);
    assert.match(message, words);
  });
}

const MANIFEST = blobOf(
  mediaTypes.ociManifest,
  JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, subject: entry("subject") }),
);

async function push(registry: HostileRegistry): Promise<void> {
  const bytes = MANIFEST.data as Uint8Array;
  const content: ContentProvider = {
    reader: async () => ({
      size: bytes.length,
      read: async () => bytes,
      async *stream() {
        yield bytes;
      },
      async [Symbol.asyncDispose]() {},
    }),
  };
  const referral = { subject: SUBJECT, artifactType: "application/sbom", annotations: { made: "today" } };
  const pusher = openResolver({ plainHttp: true, pace: PACE }).pusher(`${registry.host}/app:sbom`);
  await pusher.push(MANIFEST.descriptor, content, { isTarget: true, referral });
}

const LISTED = {
  ...MANIFEST.descriptor,
  artifactType: "application/sbom",
  annotations: { made: "today" },
};
const PUT = { "PUT /v2/app/manifests/sbom": { status: 201 } };

test("a registry that knows subjects is left to list them", async () => {
  const knowing = { status: 201, headers: { "oci-subject": SUBJECT } };
  await using told = await startHostileRegistry({ "PUT /v2/app/manifests/sbom": knowing });
  await push(told);
  assert.equal(
    told.seen.map(({ method }) => method),
    ["HEAD", "PUT"],
  );
  await using silent = await startHostileRegistry({ ...PUT, [API]: listing([]) });
  await push(silent);
  assert.equal(
    silent.seen.map(({ method }) => method),
    ["HEAD", "PUT", "GET"],
  );
});

/** Keeps what is put under the tag; `overwrite` is what others put there right after us. */
function keeping(initial: Answer, overwrite: (times: number) => object[] | undefined = () => undefined) {
  let current = initial;
  let times = 0;
  const tag = ({ method, body }: SeenRequest): Answer => {
    if (method === "GET") return current;
    const others = overwrite(++times);
    current = others ? listing(others) : { ...listing([]), body };
    return { status: 201 };
  };
  return { script: { ...PUT, [TAG]: tag }, manifests: () => JSON.parse(String(current.body)).manifests };
}

test("where a registry keeps no list, the tag gets the entry, beside those of others, once", async () => {
  for (const initial of [{ status: 404 }, listing([{ ...SIGNATURE, extra: "kept" }])]) {
    const { script, manifests } = keeping(initial);
    await using registry = await startHostileRegistry(script);
    await push(registry);
    const before = initial.status === 404 ? [] : [{ ...SIGNATURE, extra: "kept" }];
    assert.equal(manifests(), [...before, LISTED]);
    await push(registry);
    assert.equal(manifests(), [...before, LISTED]);
    assert.is(registry.seen.filter(({ method, path }) => method === "PUT" && path === TAG).length, 1);
  }
});

test("an entry that another client has overwritten is put back; one who always is, hears so", async () => {
  const once = keeping({ status: 404 }, (times) => (times === 1 ? [SIGNATURE] : undefined));
  await using registry = await startHostileRegistry(once.script);
  await push(registry);
  assert.equal(once.manifests(), [SIGNATURE, LISTED]);
  const always = keeping({ status: 404 }, () => [SIGNATURE]);
  await using busy = await startHostileRegistry(always.script);
  const error = await push(busy).catch((error: CtrError) => error);
  assert.match((error as CtrError).message, /others keep overwriting it: unavailable$/);
});

test("a tag that holds something else is not overwritten", async () => {
  const image: Answer = { body: JSON.stringify({ config: {}, layers: [{}] }) };
  const { script } = keeping(image);
  await using registry = await startHostileRegistry(script);
  const error = await push(registry).catch((error: CtrError) => error);
  assert.is((error as CtrError).code, "FailedPrecondition");
  assert.not.ok(registry.seen.some(({ method, path }) => method === "PUT" && path === TAG));
});

test.run();
