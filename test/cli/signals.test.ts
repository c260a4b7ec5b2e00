import { test } from "uvu";
import * as assert from "uvu/assert";
import { parseSignal } from "../../src/cli/signals.ts";

test("signals by name and number, as glibc's kill and containerd have them", () => {
  const numbers = {
    ...{ KILL: 9, SIGKILL: 9, sigterm: 15, CLD: 17, "9": 9, "64": 64 },
    ...{ SIGRTMIN: 34, "SIGRTMIN+3": 37, "rtmin+15": 49, "SIGRTMAX-14": 50, "RTMAX-1": 63, RTMAX: 64 },
  };
  for (const [text, number] of Object.entries(numbers)) assert.is(parseSignal(text), number, text);
});

test("what is no signal", () => {
  const words = ["", "0", "65", "-1", "9 ", "FOO", "SIGRTMIN+16", "SIGRTMAX-15", "RTMIN+", "RTMIN+03"];
  for (const text of words) {
    assert.throws(
      () => parseSignal(text),
      (error: Error) => error.message === `invalid signal: ${text}`,
    );
  }
});

test.run();
