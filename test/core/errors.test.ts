import { suite } from "uvu";
import * as assert from "uvu/assert";
import { CtrError, ifPresent } from "../../src/core/errors.ts";

const present = suite("errors: what may be absent");

const fail = (code: "NotFound" | "Unavailable") => () => {
  throw new CtrError(code, "image");
};

present("is answered as it is, now or later", async () => {
  assert.is(
    ifPresent(() => "image"),
    "image",
  );
  assert.is(await ifPresent(async () => "image"), "image");
});

present("is undefined where it is not found", async () => {
  assert.is(ifPresent(fail("NotFound")), undefined);
  assert.is(await ifPresent(async () => fail("NotFound")()), undefined);
});

present("leaves every other failure to the caller", async () => {
  assert.throws(() => ifPresent(fail("Unavailable")), /image: unavailable/);
  const outcome = await ifPresent(async () => fail("Unavailable")()).catch((error: Error) => error.message);
  assert.is(outcome, "image: unavailable");
});

present.run();
