/** How the parts of a configuration fit together: each rule, broken and kept. */
import { assert, assertEquals } from "@std/assert";
import { SYS_KINDS } from "../../../src/config/check_permissions.ts";
import { nameRule, replicaNames } from "../../../src/config/names.ts";
import { validateConfig } from "../../../src/config/validate.ts";
import { type Data, issuesOf, RUN, withProcess } from "./samples.ts";

function crew(processes: Data, rest: Data = {}): Data {
  return { name: "crew", processes, ...rest };
}

const A_AND_B = { a: { run: RUN }, b: { run: RUN } };
const pipe = (from: string, to: string, rest: Data = {}) => ({ kind: "pipe", from, to, ...rest });

Deno.test("nameRule() takes names of 63 letters, digits, hyphens and underscores", () => {
  for (const name of ["a", "Z", "a-1_b", "a".repeat(63), "constructor", "toString"]) {
    assertEquals(nameRule(name), null, name);
  }
  const wrong = [
    "",
    "1a",
    "-a",
    "_a",
    "a.b",
    "a..b",
    "..",
    "a/b",
    "@log",
    "a b",
    "ä",
    "a\n",
    "a\0",
  ];
  for (const name of [...wrong, "a".repeat(64), "__proto__"]) {
    assert(nameRule(name)?.startsWith("must "), name);
  }
});

Deno.test("replicaNames() numbers from 1, and not at all for one", () => {
  assertEquals(replicaNames("a"), ["a"]);
  assertEquals(replicaNames("a", 1), ["a"]);
  assertEquals(replicaNames("a", 3), ["a-1", "a-2", "a-3"]);
});

Deno.test("checkConfig() refuses bad names wherever a name is declared", () => {
  const lines = issuesOf({
    name: "a b",
    processes: { "@log": { run: RUN }, "a/b": { run: RUN }, ok: { run: RUN, profiles: ["x y"] } },
    groups: { "g.h": { members: ["ok"] } },
    channels: { "c..d": pipe("ok.stdout", "a/b.stdin") },
  });
  assertEquals(lines.map((line) => line.split(" | ")[0]), [
    "name",
    "processes.@log",
    "processes.a/b",
    "groups.g.h",
    "channels.c..d",
    "processes.ok.profiles.0",
  ]);
});

Deno.test("checkConfig() refuses a group with the name of a process", () => {
  assertEquals(issuesOf(crew(A_AND_B, { groups: { a: { members: ["b"] } } })), [
    'groups.a | "a" names a process already | give the group another name',
  ]);
});

Deno.test("checkConfig() refuses replicas whose names are taken", () => {
  const clash = (processes: Data, groups?: Data) =>
    issuesOf(crew(processes, groups === undefined ? {} : { groups }));
  const two = { run: RUN, replicas: 2 };
  assertEquals(clash({ a: two, "a-3": { run: RUN } }), []);
  assertEquals(clash({ a: two, "a-2": { run: RUN } }), [
    'processes.a.replicas | replica "a-2" has the name of process "a-2" | rename one of them',
  ]);
  assertEquals(clash({ a: two }, { "a-1": { members: ["a"] } }), [
    'processes.a.replicas | replica "a-1" has the name of group "a-1" | rename one of them',
  ]);
  assertEquals(clash({ a: { run: RUN, replicas: 1 }, "a-1": { run: RUN } }), []);
  assertEquals(clash({ ["a".repeat(61)]: two }), []);
  assertEquals(clash({ ["a".repeat(62)]: two }).length, 1);
});

Deno.test("checkConfig() refuses after an unknown process, and guesses which was meant", () => {
  const after = (name: string) =>
    issuesOf(crew({
      sampler: { run: RUN },
      worker: { run: RUN, replicas: 2 },
      z: { run: RUN, after: { [name]: "started" } },
    }));
  assertEquals(after("sampler"), []);
  assertEquals(after("sampelr"), [
    'processes.z.after.sampelr | no process is named "sampelr" | did you mean "sampler"?',
  ]);
  assertEquals(after("worker-1"), [
    'processes.z.after.worker-1 | no process is named "worker-1" | "worker", which stands for all of its replicas',
  ]);
  assertEquals(after("toString"), [
    'processes.z.after.toString | no process is named "toString" | one of "sampler", "worker", "z"',
  ]);
});

Deno.test("checkConfig() refuses to wait for the completion of a permanent process", () => {
  const wait = (policy?: string) =>
    issuesOf(crew({
      a: { run: RUN, ...(policy === undefined ? {} : { restart: { policy } }) },
      b: { run: RUN, after: { a: "completed" } },
    }));
  const refusal = [
    'processes.b.after.a | "a" never completes: its restart policy is "permanent" | ' +
    'set restart.policy of "a" to "temporary" or "transient"',
  ];
  assertEquals(wait(), refusal);
  assertEquals(wait("permanent"), refusal);
  assertEquals(wait("transient"), []);
  assertEquals(wait("temporary"), []);
});

Deno.test("checkConfig() shows each cycle of dependencies, at a dependency that is in it", () => {
  const ready = (...names: string[]) => ({
    run: RUN,
    after: Object.fromEntries(names.map((name) => [name, "ready"])),
  });
  assertEquals(issuesOf(crew({ a: ready("a") })), [
    "processes.a.after.a | processes wait for each other: a -> a | remove one of these dependencies",
  ]);
  assertEquals(issuesOf(crew({ a: ready("b"), b: ready("c"), c: ready("a"), d: ready("a") })), [
    "processes.a.after.b | processes wait for each other: a -> b -> c -> a | remove one of these dependencies",
  ]);
  const two = issuesOf(crew({ a: ready("b"), b: ready("a"), c: ready("d"), d: ready("c") }));
  assertEquals(two.map((line) => line.split(" | ")[0]), [
    "processes.a.after.b",
    "processes.c.after.d",
  ]);
  const diamond = { a: ready(), b: ready("a"), c: ready("a"), d: ready("b", "c") };
  assertEquals(issuesOf(crew(diamond)), []);
});

Deno.test("checkConfig() bounds the cycles that it reports", () => {
  const names = Array.from({ length: 40 }, (_, index) => `p${index}x`);
  const processes = Object.fromEntries(
    names.map((name) => [name, { run: RUN, after: { [name]: "started" } }]),
  );
  assertEquals(issuesOf(crew(processes)).length, 12);
});

Deno.test("checkConfig() refuses unknown members and members of two groups", () => {
  const groups = (each: Data) => issuesOf(crew(A_AND_B, { groups: each }));
  assertEquals(groups({ g: { members: ["a", "b"] } }), []);
  assertEquals(groups({ g: { members: ["a"] }, h: { members: ["g", "b"] } }), []);
  assertEquals(groups({ pipeline: { members: ["a"] }, h: { members: ["pipelien"] } }), [
    'groups.h.members.0 | no process or group is named "pipelien" | did you mean "pipeline"?',
  ]);
  assertEquals(groups({ g: { members: ["a"] }, h: { members: ["a"] } }), [
    'groups.h.members.0 | "a" is a member of group "g" already | a member belongs to one group; nest the groups instead',
  ]);
  assertEquals(groups({ g: { members: ["a", "a"] } }), [
    'groups.g.members.1 | "a" is listed twice | list it once',
  ]);
  assertEquals(
    groups({ g: { members: ["a"] }, h: { members: ["g"] }, i: { members: ["g"] } }).length,
    1,
  );
  assertEquals(groups({ g: { members: [] } }), [
    'groups.g.members | "members" must have at least 1 entry, is an empty list',
  ]);
});

Deno.test("checkConfig() shows groups that hold each other", () => {
  const groups = (each: Data) => issuesOf(crew(A_AND_B, { groups: each }));
  assertEquals(groups({ g: { members: ["a", "g"] } }), [
    "groups.g.members.1 | groups hold each other: g -> g | remove one of these members",
  ]);
  assertEquals(
    groups({ g: { members: ["h"] }, h: { members: ["b", "i"] }, i: { members: ["g"] } }),
    [
      "groups.g.members.0 | groups hold each other: g -> h -> i -> g | remove one of these members",
    ],
  );
});

Deno.test("checkConfig() refuses endpoints that are none", () => {
  const ends = (from: string, to: string) =>
    issuesOf(crew(A_AND_B, { channels: { c: pipe(from, to) } }));
  assertEquals(ends("a.stdout", "b.stdin"), []);
  assertEquals(ends("a.stderr", "b.stdin"), []);
  assertEquals(ends("a", "b.stdin"), [
    'channels.c.from | "from" must be "name.stdout" or "name.stderr" or "name.port", is "a" | "a.stdout"',
  ]);
  assertEquals(ends("a.stdin", "b.stdout"), [
    'channels.c.from | "from" must be an output, is "a.stdin" | "a.stdout"',
    'channels.c.to | "to" must be an input, is "b.stdout" | "b.stdin"',
  ]);
  const slip = 'a port that begins with "std" or nearly does must be a standard stream';
  assertEquals(ends("a.stdrr", "x.y.z"), [
    `channels.c.from | ${slip}, is "a.stdrr" | "a.stderr", or another name`,
    'channels.c.to | "to" must be "name.stdin" or "name.port", is "x.y.z"',
  ]);
  for (const port of ["stderrr", "STDOUT", "tsdout", "std-frames", "tdin"]) {
    assertEquals(ends(`a.${port}`, "b.stdin"), [
      `channels.c.from | ${slip}, is "a.${port}" | "a.${
        /err/.test(port) ? "stderr" : "stdout"
      }", or another name`,
    ]);
  }
  assertEquals(
    ends("q.stdout", "b.stdin"),
    [
      'channels.c.from | no process is named "q" | one of "a", "b"',
    ].map((line) => line.replace('one of "a", "b"', 'did you mean "a"?')),
  );
});

Deno.test("checkConfig() takes further ports by any name that a process could have", () => {
  const ends = (from: string, to: string) =>
    issuesOf(crew(A_AND_B, { channels: { c: pipe(from, to) } }));
  assertEquals(ends("a.frames", "b.in-2_x"), []);
  assertEquals(ends("a.studio", "b.audio"), []);
  assertEquals(ends(`a.${"p".repeat(63)}`, "b.stdin"), []);
  const rules = [
    ["p".repeat(64), "must be at most 63 characters"],
    ["2nd", 'must be a letter, then letters, digits, "_" or "-"'],
    ["a/b", 'must not contain "/"'],
  ] as const;
  for (const [port, rule] of rules) {
    const [issue = "", ...more] = ends(`a.${port}`, "b.stdin");
    assertEquals(issue.startsWith(`channels.c.from | a port name ${rule}, is `), true, issue);
    assertEquals(more, []);
  }
});

Deno.test("checkConfig() takes 100 ports of a process besides its streams, and no more", () => {
  const ports = (count: number) =>
    issuesOf(crew(A_AND_B, {
      channels: Object.fromEntries([
        ["s", pipe("a.stdout", "b.stdin")],
        ...Array.from({ length: count }, (_, n) => [`c${n}`, pipe(`a.p${n}`, `b.q${n}`)]),
      ]),
    }));
  assertEquals(ports(100), []);
  assertEquals(
    ports(101),
    ["a", "b"].map((name) =>
      `channels.c100 | "${name}" must have at most 100 ports besides the standard streams`
    ),
  );
});

Deno.test("checkConfig() refuses a port in two channels and a process that feeds itself", () => {
  const channels = (each: Data) => issuesOf(crew(A_AND_B, { channels: each }));
  assertEquals(channels({ c: pipe("a.stdout", "b.stdin"), d: pipe("b.stdout", "a.stdin") }), []);
  assertEquals(channels({ c: pipe("a.stdout", "b.stdin"), d: pipe("a.stdout", "b.stdin") }), [
    'channels.d.from | "a.stdout" is used by channel "c" already | a port has one channel',
    'channels.d.to | "b.stdin" is used by channel "c" already | a port has one channel',
  ]);
  assertEquals(channels({ c: pipe("a.stdout", "a.stdin") }), [
    'channels.c.to | "a" would feed itself, and wait for itself when the pipe is full | wire it to another process',
  ]);
});

Deno.test("checkConfig() takes pipes from 4KiB to 1GiB", () => {
  const sized = (capacity: string) =>
    issuesOf(crew(A_AND_B, { channels: { c: pipe("a.stdout", "b.stdin", { capacity }) } }));
  assertEquals(sized("4KiB"), []);
  assertEquals(sized("1GiB"), []);
  assertEquals(sized("4095B").length, 1);
  assertEquals(sized("1048577KiB").length, 1);
});

Deno.test("checkConfig() refuses to look for a line in output that goes into a pipe", () => {
  const watch = (ready: Data) =>
    issuesOf(crew({ a: { run: RUN, ready }, b: { run: RUN } }, {
      channels: { c: pipe("a.stdout", "b.stdin") },
    }));
  assertEquals(watch({ by: "line", pattern: "up", stream: "stderr" }), []);
  assertEquals(watch({ by: "line", pattern: "up" }).map((line) => line.split(" | ")[0]), [
    "processes.a.ready.by",
  ]);
  const explicit = watch({ by: "line", pattern: "up", stream: "stdout" });
  assertEquals(explicit.map((line) => line.split(" | ")[0]), ["processes.a.ready.stream"]);
});

Deno.test("checkConfig() refuses keys that do not belong to the way of being ready", () => {
  const keys: Data = { fd: 3, pattern: "x", stream: "stdout", within: "1s" };
  const belongs: Data = {
    started: [],
    notify: ["within"],
    fd: ["fd", "within"],
    line: ["pattern", "stream", "within"],
  };
  for (const by of Object.keys(belongs)) {
    const lines = issuesOf(withProcess({ ready: { by, ...keys } }));
    const refused = Object.keys(keys).filter((key) => !belongs[by].includes(key));
    assertEquals(
      lines.map((line) => line.split(" | ")[0]),
      refused.map((key) => `processes.a.ready.${key}`),
    );
  }
});

Deno.test("checkConfig() refuses grants that are not scoped, or say something else than they seem", () => {
  const grant = (permissions: Data) =>
    issuesOf(withProcess({ run: { kind: "deno", path: "./a.ts", permissions } }));
  assertEquals(grant({ read: [], sys: [...SYS_KINDS], env: ["AWS_*"], net: ["[::1]:80"] }), []);
  const wrong: [Data, string][] = [
    [{ read: ["*"] }, "grants everything"],
    [{ net: ["*"] }, "grants everything"],
    [{ net: ["host:65536"] }, 'a port must be a number of 0 to 65535, is "65536"'],
    [{ net: ["[::1]:"] }, 'is ""'],
    [{ net: ["host:http"] }, 'is "http"'],
    [{ env: [" * "] }, "grants everything"],
    [{ read: [""] }, "must not be empty"],
    [{ read: [" "] }, "blank"],
    [{ read: ["a", "b", "a"] }, "granted twice"],
    [{ read: ["a,b"] }, "comma"],
    [{ read: ["a\nb"] }, "newline"],
    [{ read: ["a\0b"] }, "NUL"],
    [{ sys: ["lodavg"] }, 'did you mean "loadavg"?'],
    [{ sys: ["inspector"] }, "no kind of sys"],
    [{ env: ["A=B"] }, 'must not contain "="'],
    [{ net: ["https://example.org/x"] }, '"example.org"'],
    [{ run: true }, "never true"],
    [{ disk: [] }, "not a known key"],
  ];
  for (const [permissions, rule] of wrong) {
    const lines = grant(permissions);
    assertEquals(lines.length, 1, lines.join("\n"));
    assert(lines[0]!.includes(rule), `${lines[0]} should say ${rule}`);
  }
});

Deno.test("checkConfig() refuses programs that would be taken for an option or for the network", () => {
  const program = (path: string) => issuesOf(withProcess({ run: { kind: "deno", path } }));
  for (
    const path of [
      "./a.ts",
      "a.ts",
      "/a.ts",
      "npm:cowsay@1",
      "jsr:@a/b",
      "https://x/y.ts",
      "file:///a.ts",
    ]
  ) {
    assertEquals(program(path), [], path);
  }
  for (const path of ["-A", "--allow-all", "http://x/y.ts", "data:text/javascript,1", "ftp://x"]) {
    assertEquals(program(path).length, 1, path);
  }
  assertEquals(issuesOf(withProcess({ run: { kind: "task", name: "--eval" } })).length, 1);
  assertEquals(issuesOf(withProcess({ run: { kind: "command", argv: [""] } })), [
    "processes.a.run.argv.0 | the program must not be empty",
  ]);
});

Deno.test("checkConfig() warns where something has no effect, and the configuration stays valid", () => {
  const blank = validateConfig(withProcess({ run: { kind: "command", argv: ["ls -l"] } }));
  assertEquals(blank.kind, "valid");
  assertEquals(blank.issues.map((issue) => issue.severity), ["warning"]);
  const never = validateConfig(withProcess({ restart: { policy: "temporary", backoff: {} } }));
  assertEquals(never.kind, "valid");
  assertEquals(never.issues.map((issue) => issue.path.join(".")), ["processes.a.restart.backoff"]);
});

Deno.test("checkConfig() refuses entries that are listed twice", () => {
  assertEquals(issuesOf(withProcess({ restart: { successCodes: [0, 1, 0] } })), [
    "processes.a.restart.successCodes.2 | 0 is listed twice",
  ]);
  assertEquals(issuesOf(withProcess({ profiles: ["x", "x"] })), [
    'processes.a.profiles.1 | "x" is listed twice',
  ]);
});

Deno.test("validateConfig() reports no false issue about what a typo made unreadable", () => {
  const lines = issuesOf(crew({
    a: { run: RUN, restart: { polcy: "temporary" } },
    b: { run: RUN, after: { a: "completed" }, ready: { by: "lien", pattern: "x" } },
    c: 5,
    d: { run: RUN, after: { c: "ready" } },
  }, {
    groups: { g: { membrs: ["a"] }, h: { members: ["g", "c"] } },
    channels: { x: pipe("c.stdout", "d.stdin") },
  }));
  assertEquals(lines.map((line) => line.split(" | ")[0]), [
    "processes.a.restart.polcy",
    "processes.b.ready.by",
    "processes.c",
    "groups.g.members",
    "groups.g.membrs",
  ]);
});
