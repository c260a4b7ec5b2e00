import { test } from "uvu";
import * as assert from "uvu/assert";
import { booleanFlag, integerFlag, listFlag, stringFlag } from "../../../src/cli/flags/flag.ts";
import { normalise, spellings } from "../../../src/cli/flags/normalise.ts";
import { UsageError } from "../../../src/cli/usage-error.ts";

const table = spellings({
  rm: booleanFlag(""),
  skipVerify: booleanFlag("", { alias: "k" }),
  user: stringFlag("", { alias: "u" }),
  label: listFlag(""),
  count: integerFlag(""),
});

interface Expected {
  given?: string[];
  positionals?: string[];
  separatorAt?: number;
  wantsHelp?: boolean;
}

function reads(line: string, expected: Expected, commandAfter?: number): void {
  test(`reads ${line}`, () => {
    const { given, positionals, separatorAt, wantsHelp } = normalise(line.split(" "), table, commandAfter);
    assert.equal(
      given.map(({ key, text }) => `${key}=${text}`),
      expected.given ?? [],
    );
    assert.equal(positionals, expected.positionals ?? []);
    assert.is(separatorAt, expected.separatorAt);
    assert.is(wantsHelp, expected.wantsHelp ?? false);
  });
}

reads("--rm img", { given: ["rm=true"], positionals: ["img"] });
reads("-rm img", { given: ["rm=true"], positionals: ["img"] });
reads("--rm=false img", { given: ["rm=false"], positionals: ["img"] });
reads("--rm false", { given: ["rm=true"], positionals: ["false"] });
reads("--skip-verify -k --k", { given: ["skipVerify=true", "skipVerify=true", "skipVerify=true"] });
reads("-user a:b", { given: ["user=a:b"] });
reads("--user=a=b", { given: ["user=a=b"] });
reads("--user= x", { given: ["user="], positionals: ["x"] });
reads("--user --rm", { given: ["user=--rm"] });
reads("--count -1", { given: ["count=-1"] });
reads("--label a=1,b=2 --label c", { given: ["label=a=1,b=2", "label=c"] });
reads("img --rm", { given: ["rm=true"], positionals: ["img"] });
reads("img -- --rm", { positionals: ["img", "--rm"], separatorAt: 1 });
reads("- img", { positionals: ["-", "img"] });
reads("-h", { wantsHelp: true });
reads("img --help", { wantsHelp: true, positionals: ["img"] });
reads("img --rm id sh --rm", { given: ["rm=true"], positionals: ["img", "id", "sh", "--rm"] }, 2);
reads("img id -- sh", { positionals: ["img", "id", "--", "sh"] }, 2);
reads("img -- sh -c", { positionals: ["img", "sh", "-c"], separatorAt: 1 }, 2);

function refuses(line: string, message: string): void {
  test(`refuses ${line}: ${message}`, () => {
    try {
      normalise(line.split(" "), table);
      assert.unreachable();
    } catch (error) {
      assert.instance(error, UsageError);
      assert.is((error as Error).message, message);
    }
  });
}

test("guesses the flag that was meant", () => {
  for (const [word, hint] of [
    ["--skip-verfy", "did you mean --skip-verify?"],
    ["-labl=x", "did you mean --label?"],
    ["--x", undefined],
  ]) {
    try {
      normalise([word!], table);
      assert.unreachable();
    } catch (error) {
      assert.is((error as UsageError).hint, hint);
    }
  }
});

refuses("--bad", "flag provided but not defined: -bad");
refuses("img -bad=1", "flag provided but not defined: -bad");
refuses("--user", "flag needs an argument: -user");
refuses("-u", "flag needs an argument: -u");
refuses("--count x", 'invalid value "x" for flag -count: parse error');
refuses("--rm=x", 'invalid boolean value "x" for -rm: parse error');
refuses("---rm", "bad flag syntax: ---rm");
refuses("--=1", "bad flag syntax: --=1");

test.run();
