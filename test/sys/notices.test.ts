import {
  appendFileSync,
  closeSync,
  openSync,
  readdirSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { writeNow } from "../../src/sys/descriptors.ts";
import {
  noticeNextWrite,
  onNotice,
  openChangeNotice,
  openEventFd,
  openNotices,
} from "../../src/sys/notices.ts";
import { tempDir } from "../support/temp.ts";
import { waitFor } from "../support/wait-for.ts";

const test = suite("notices");

test("whoever looks at each notice sees the last change, however quickly one follows the other", async () => {
  using dir = tempDir();
  const path = dir.join("file");
  writeFileSync(path, "");
  let written = 0;
  let seen = 0;
  using _ = onNotice(openChangeNotice(path), () => {
    seen = written;
  });
  for (let round = 1; round <= 50; round++) {
    for (let change = 0; change < round; change++) {
      written++;
      appendFileSync(path, "x");
      if (change % 7 === 0) await new Promise(setImmediate);
    }
    await waitFor(() => seen === written, { what: `a notice of change ${written}`, timeoutMs: 2000 });
  }
});

test("the next write alone gives notice, under whatever name, until it is asked for again", async () => {
  using dir = tempDir();
  const path = dir.join("file");
  writeFileSync(path, "");
  const fileFd = openSync(path, "r");
  const fd = openNotices();
  let notices = 0;
  using _ = onNotice(fd, () => notices++);
  noticeNextWrite(fd, fileFd);
  renameSync(path, `${path}.1`);
  appendFileSync(`${path}.1`, "x");
  await waitFor(() => notices > 0);
  // That the watch is gone may be a notice of its own.
  await waitFor(async () => {
    const before = notices;
    appendFileSync(`${path}.1`, "x");
    await new Promise(setImmediate);
    return notices === before;
  });
  const before = notices;
  noticeNextWrite(fd, fileFd);
  truncateSync(`${path}.1`);
  await waitFor(() => notices > before);
  closeSync(fileFd);
});

test("an eventfd gives notice of what is written to it", async () => {
  const fd = openEventFd();
  let notices = 0;
  using _ = onNotice(fd, () => notices++);
  for (let round = 1; round <= 3; round++) {
    writeNow(fd, new Uint8Array(new BigUint64Array([1n]).buffer));
    await waitFor(() => notices === round);
  }
});

test("nothing comes after it is disposed of, and no descriptor stays", async () => {
  using dir = tempDir();
  const path = dir.join("file");
  writeFileSync(path, "");
  const open = () => readdirSync("/proc/self/fd").length;
  const before = open();
  let notices = 0;
  for (let round = 0; round < 20; round++) {
    using _ = onNotice(openChangeNotice(path), () => notices++);
  }
  appendFileSync(path, "x");
  let isSeen = false;
  {
    using _ = onNotice(openChangeNotice(path), () => {
      isSeen = true;
    });
    appendFileSync(path, "x");
    await waitFor(() => isSeen);
  }
  assert.is(notices, 0);
  // Those of the tests before may have been among them, and close only now.
  await waitFor(() => open() <= before, { what: `${before} open descriptors`, timeoutMs: 3000 });
});

test.run();
