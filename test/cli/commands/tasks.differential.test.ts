import { besideSuite } from "../../support/beside-suite.ts";

const { equally, run } = besideSuite("tasks and containers, beside the real ctr", () => ({
  prepare: ({ bench, both }) => both("images", "pull", bench.image),
  normalise: (text) =>
    text
      .replaceAll(/^(\S+ +)\d+( +[A-Z]+)$/gm, "$1PID$2")
      .replaceAll(/^\d+( +)(?=-|&)/gm, "PID$1")
      .replaceAll(/ +/g, " ")
      // Theirs come in any order.
      .replaceAll(/^\S+=\S*(,\S+=\S*)+$/gm, (labels) => labels.split(",").sort().join(",")),
}));

/** A shell command in one word: blanks are tabs, which steps turn back. */
const sh = (script: string): string => `sh -c ${script.replaceAll(" ", "\t")}`;

equally("what is missing", [
  "tasks attach",
  "tasks attach nosuch",
  "tasks delete",
  "tasks delete nosuch",
  "tasks delete --exec-id x nosuch",
  "tasks exec --exec-id x",
  "tasks exec --exec-id x nosuch true",
  "tasks kill",
  "tasks kill nosuch",
  "tasks pause",
  "tasks pause nosuch",
  "tasks resume",
  "tasks resume nosuch",
  "tasks ps",
  "tasks ps nosuch",
  "tasks start",
  "tasks start nosuch",
  "tasks ls -q",
  "containers label",
  "containers label nosuch a=b",
  "containers delete nosuch",
]);

equally("one that is made and not started", [
  "containers create IMAGE made sleep 1000",
  "tasks attach made",
  "tasks pause made",
  "tasks kill made",
  "tasks delete made",
  "tasks ps made",
  "tasks exec --exec-id x made true",
  { line: "containers create IMAGE made sleep 1000", classOnly: true },
  "containers label made a=1 b=two",
  "containers label made a=",
  "containers ls labels.b==two",
  "containers ls -q",
  "containers delete made",
  "containers ls",
]);

equally("one that runs: exec, pause, resume, kill, wait, delete", [
  "run -d --null-io IMAGE up sleep 1000",
  { line: "run -d --null-io IMAGE up sleep 1000", classOnly: true },
  "tasks ls",
  "tasks start up",
  "tasks ps up",
  `tasks exec --exec-id e1 up ${sh("echo out; echo err >&2; exit 4")}`,
  "tasks exec --exec-id e1 --user 1000:7 --cwd /tmp up sh -c id;pwd",
  "tasks exec --exec-id e1 --user www up id",
  {
    line: "tasks exec --exec-id e1 --user nosuch up id",
    ours: { because: "it names the user", class: "invalid argument" },
  },
  { line: "tasks exec --exec-id e1 --cwd nosuch up true", classOnly: true },
  "tasks exec --exec-id e1 up nosuch",
  { line: "tasks exec --exec-id a/b up true", ours: { because: "it is no name", class: "invalid argument" } },
  "tasks exec --exec-id e1 --log-uri file:///x --tty up true",
  "tasks exec --exec-id e1 --log-uri file:///x --fifo-dir /x up true",
  "tasks exec -d --exec-id held up sleep 1000",
  "tasks exec --exec-id held up true",
  "tasks delete --exec-id held up",
  "tasks kill --exec-id nosuch up",
  "tasks delete --exec-id nosuch up",
  "tasks kill --exec-id held -s KILL up",
  { line: "tasks exec --exec-id e2 up sh -c while\tps|grep\t-q\t[s]leep.1000.*1000;do\t:;done;sleep\t0.2" },
  "tasks delete --exec-id held up",
  "tasks pause up",
  "tasks pause up",
  "tasks ls",
  "tasks exec --exec-id e3 up true",
  "tasks resume up",
  "tasks resume up",
  "tasks kill -s FOO up",
  "tasks kill -s 0 up",
  "tasks kill -s SIGRTMIN+3 up",
  "tasks kill -s SIGRTMIN+16 up",
  "tasks kill -s SIGCLD up",
  "tasks kill --all --exec-id x up",
  { line: "containers delete up", ours: { because: "Go prints a struct", class: "failed precondition" } },
  "tasks delete up",
  "tasks delete --force up",
  "tasks delete up",
  "containers delete up",
  "tasks ls",
]);

for (const signal of ["KILL", "SIGKILL", "sigkill", "9"]) {
  equally(`killed by ${signal}, deleted, and started again`, [
    `run -d --null-io IMAGE again ${sh("sleep 1000 & wait")}`,
    `tasks kill -s ${signal} again`,
    "tasks delete --force again",
    "tasks start -d --null-io again",
    "tasks ls",
    `tasks kill --all --signal ${signal} again`,
    "tasks delete --force again",
    "containers delete again",
  ]);
}

equally("in the foreground", [
  `run --rm IMAGE fg ${sh("echo out; exit 9")}`,
  `run IMAGE fg ${sh("exit 3")}`,
  "tasks ls",
  "tasks start fg",
  "tasks start fg",
  "containers delete fg",
  `run --rm --null-io IMAGE fg ${sh("echo lost; exit 5")}`,
  {
    line: "run --rm --null-io --tty IMAGE fg true",
    ours: { because: "it panics without a terminal", code: 1 },
  },
  "run --rm -d IMAGE fg true",
  `run --rm IMAGE fg ${sh("kill -TERM $$")}`,
  `run --rm IMAGE fg ${sh("kill -KILL $$")}`,
  "run --rm --env A=1 --env B --cwd /tmp --env PATH=/bin IMAGE fg sh -c env|sort;pwd",
  "run --rm --read-only IMAGE fg touch /x",
  "run --rm --with-ns x IMAGE fg true",
  "run --rm --with-ns bad:/x IMAGE fg true",
  "run --rm --mount type=bind IMAGE fg true",
  "run --rm --annotation x IMAGE fg true",
  "run --rm --seccomp-profile /x IMAGE fg true",
  { line: "run --rm --seccomp --seccomp-profile /nosuch IMAGE f0 true", classOnly: true },
  { line: "run --rm --device /nosuch IMAGE f2 true", classOnly: true },
  { line: "run --rm --env-file /nosuch IMAGE f1 true", classOnly: true },
  "run --rm --uidmap x --gidmap 0:1:1 IMAGE fg true",
  "run --rm --memory-limit x IMAGE fg true",
  {
    line: "run --rm --log-uri x:///y IMAGE f3 true",
    ours: { because: "it is seen before", class: "invalid argument" },
  },
  { line: "run --rm --rootfs /nosuch f4 true", classOnly: true },
  "containers ls",
]);

run();
