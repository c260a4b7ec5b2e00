import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Descriptor } from "../../src/core/descriptor.ts";
import { CtrError } from "../../src/core/errors.ts";
import { mediaTypes } from "../../src/core/media-type.ts";
import { openResolver } from "../../src/remotes/index.ts";
import { waitFor } from "../support/wait-for.ts";

const MEBIBYTE = 1024 * 1024;
const DATA = Buffer.concat(Array(7).fill(randomBytes(8 * MEBIBYTE - 1)));
const DIGEST = `sha256:${createHash("sha256").update(DATA).digest("hex")}` as Descriptor["digest"];
const BLOB: Descriptor = { mediaType: mediaTypes.ociLayer, digest: DIGEST, size: DATA.length };
const PIECE_BYTES = 64 * 1024;

interface Behaviour {
  /** What a request for a part gets in place of its bytes; by how many of these came before. */
  part?: (at: number, response: ServerResponse, range: { first: number; end: number }) => boolean;
  /** Ends what it sends after so many bytes, with a reset: by the request's number. */
  cutAt?: (at: number) => number | undefined;
}

interface SlowServer extends AsyncDisposable {
  readonly host: string;
  readonly ranges: string[];
  /** Connections that sent at the same time, at most. */
  mostAtOnce(): number;
  sending(): number;
}

/** Sends the first answer, which is for the whole, slowly enough for more connections to pay. */
async function startSlowServer({ part, cutAt }: Behaviour = {}): Promise<SlowServer> {
  const ranges: string[] = [];
  let [sending, mostAtOnce] = [0, 0];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const range = request.headers.range ?? "";
    const at = ranges.push(range) - 1;
    const match = /^bytes=(\d+)-(\d*)$/.exec(range);
    const [first, end] = match
      ? [Number(match[1]), match[2] ? Number(match[2]) + 1 : DATA.length]
      : [0, DATA.length];
    if (match && part?.(at, response, { first, end })) return;
    response.writeHead(match ? 206 : 200, {
      "content-length": `${end - first}`,
      ...(match && { "content-range": `bytes ${first}-${end - 1}/${DATA.length}` }),
    });
    sending++;
    mostAtOnce = Math.max(mostAtOnce, sending);
    response.once("close", () => sending--);
    drip(response, DATA.subarray(first, end), cutAt?.(at));
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `127.0.0.1:${(server.address() as { port: number }).port}`,
    ranges,
    mostAtOnce: () => mostAtOnce,
    sending: () => sending,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** About 20 MiB/s. */
function drip(response: ServerResponse, bytes: Buffer, cutAt = Infinity): void {
  let sent = 0;
  const timer = setInterval(() => {
    if (sent >= cutAt) response.destroy();
    const piece = bytes.subarray(sent, sent + PIECE_BYTES);
    sent += piece.length;
    const isLast = response.destroyed || sent >= bytes.length;
    if (isLast) clearInterval(timer);
    if (isLast) response.end(piece);
    else response.write(piece);
  }, 3);
}

interface Fetched {
  isWhole: boolean;
  error?: unknown;
}

async function fetchFrom({ host }: SlowServer, descriptor = BLOB, offset = 0): Promise<Fetched> {
  const pace = { tries: 3, firstDelayMs: 1, stragglingMs: 200, stallMs: 2_000 };
  const resolver = openResolver({ plainHttp: true, pace });
  const hash = createHash("sha256").update(DATA.subarray(0, offset));
  try {
    for await (const chunk of resolver.fetcher(`${host}/app`).fetch(descriptor, { offset }))
      hash.update(chunk);
    return { isWhole: `sha256:${hash.digest("hex")}` === DIGEST };
  } catch (error) {
    return { isWhole: false, error };
  }
}

test("what is large and slow goes on over several connections, in order", async () => {
  await using server = await startSlowServer();
  assert.equal(await fetchFrom(server), { isWhole: true });
  assert.is(server.ranges[0], "");
  assert.ok(server.ranges.length > 5 && server.mostAtOnce() > 2, `${server.mostAtOnce()} at once`);
});

test("so does the rest of one that was broken off", async () => {
  await using server = await startSlowServer();
  assert.equal(await fetchFrom(server, BLOB, 1_000_001), { isWhole: true });
  assert.is(server.ranges[0], "bytes=1000001-");
  assert.ok(server.mostAtOnce() > 2);
});

test("a part that breaks is taken up where it stopped", async () => {
  await using server = await startSlowServer({ cutAt: (at) => (at === 3 ? MEBIBYTE : undefined) });
  assert.equal(await fetchFrom(server), { isWhole: true });
});

test("a part that brings nothing more while others end is asked for again", async () => {
  await using server = await startSlowServer({
    part: (at, response, { first, end }) => {
      if (at !== 2) return false;
      response.writeHead(206, {
        "content-length": `${end - first}`,
        "content-range": `bytes ${first}-${end - 1}/${DATA.length}`,
      });
      response.write(DATA.subarray(first, first + 1000));
      return true;
    },
  });
  assert.equal(await fetchFrom(server), { isWhole: true });
  const [, start = ""] = /^bytes=(\d+)-/.exec(server.ranges[2]!) ?? [];
  assert.ok(server.ranges.some((range) => range.startsWith(`bytes=${Number(start) + 1000}-`)));
});

test("a part that never comes, while others do, ends in one line", async () => {
  let start: number | undefined;
  await using server = await startSlowServer({
    part: (at, response, { first, end }) => {
      if (at === 2) start = first;
      if (first !== start) return false;
      response.writeHead(206, {
        "content-length": `${end - first}`,
        "content-range": `bytes ${first}-${end - 1}/${DATA.length}`,
      });
      response.flushHeaders();
      return true;
    },
  });
  const { error } = await fetchFrom(server);
  assert.is((error as CtrError)?.code, "DeadlineExceeded");
});

test("a server that gives no parts is read in one piece", async () => {
  await using server = await startSlowServer({
    part: (_at, response, { first }) => {
      response.writeHead(200, { "content-length": `${DATA.length}` });
      assert.ok(first > 0);
      response.end(DATA);
      return true;
    },
  });
  assert.equal(await fetchFrom(server), { isWhole: true });
});

test("a part of another blob ends in one line", async () => {
  await using server = await startSlowServer({
    part: (_at, response, { first, end }) => {
      response.writeHead(206, { "content-range": `bytes ${first}-${end - 1}/${DATA.length + 1}` });
      response.end(DATA.subarray(first, end));
      return true;
    },
  });
  const { error } = await fetchFrom(server);
  assert.instance(error, CtrError);
  assert.is((error as CtrError).code, "DataLoss");
});

test("whoever stops reading leaves no connection", async () => {
  await using server = await startSlowServer();
  const resolver = openResolver({ plainHttp: true });
  let received = 0;
  for await (const chunk of resolver.fetcher(`${server.host}/app`).fetch(BLOB)) {
    received += chunk.length;
    if (received > 14 * MEBIBYTE) break;
  }
  await waitFor(() => server.sending() === 0, { what: "the end of all connections" });
});

test.run();
