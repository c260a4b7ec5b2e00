import { test } from "uvu";
import * as assert from "uvu/assert";
import { startPty } from "./pty.ts";

test("a program has a controlling terminal that can be typed at and resized", async () => {
  const script =
    "stty size; read -r word; echo got $word; trap 'stty size; exit 3' WINCH; echo armed; while :; do sleep 0.02; done";
  await using pty = startPty(["sh", "-c", script], { columns: 100, rows: 30 });
  await pty.waitForOutput("30 100");
  pty.write("hello\r");
  await pty.waitForOutput("got hello");
  await pty.waitForOutput("armed");
  pty.resize(90, 20);
  await pty.waitForOutput("20 90");
  assert.is(await pty.exited, 3);
});

test("Ctrl-C interrupts, and a hang-up hangs up", async () => {
  await using interrupted = startPty(["sh", "-c", "echo up; sleep 1000"]);
  await interrupted.waitForOutput("up");
  interrupted.write("\x03");
  assert.is(await interrupted.exited, 130);
  await using left = startPty(["sh", "-c", "trap 'exit 9' HUP; echo up; while :; do sleep 0.02; done"]);
  await left.waitForOutput("up");
  left.hangUp();
  assert.is(await left.exited, 9);
});

test.run();
