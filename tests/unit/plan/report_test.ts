import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatGraph } from "../../../src/plan/graph_format.ts";
import { collectPermissions, permissionReport } from "../../../src/plan/permission_report.ts";
import type { Plan } from "../../../src/plan/plan.ts";
import { connectControl } from "../../../src/control/client.ts";
import { supervisorFlags } from "../../../src/plan/supervisor_flags.ts";
import { commandProcess, compiled, crew, denoProcess } from "./fixtures.ts";

const plan = compiled(crew(
  {
    sampler: denoProcess({ permissions: { sys: ["loadavg"], write: ["./data"] } }, { replicas: 2 }),
    migrate: commandProcess({ restart: { policy: "temporary" }, user: "www" }),
    recorder: denoProcess({ args: ["--allow-all"] }, {
      after: { sampler: "ready", migrate: "completed" },
    }),
  },
  {
    groups: {
      outer: { members: ["sampler", "inner"], strategy: "rest_for_one" },
      inner: { members: ["recorder"] },
    },
    channels: { readings: { kind: "pipe", from: "sampler.stdout", to: "recorder.stdin" } },
  },
));

/** The same plan with names that no language takes as they are. */
const hostile: Plan = {
  ...plan,
  name: 'a"b',
  processes: plan.processes.map((process, at) => ({ ...process, name: `p${at}"]\n<x>&#34;\\` })),
};

Deno.test("collectPermissions() reads the flags that run, and no argument of the program", () => {
  const report = collectPermissions(plan, "/cox");
  assertEquals(report.processes.map(({ name, sandboxed, flags }) => [name, sandboxed, flags]), [
    ["@log", true, []],
    ["sampler-1", true, ["--allow-write=/project/data", "--allow-sys=loadavg"]],
    ["sampler-2", true, ["--allow-write=/project/data", "--allow-sys=loadavg"]],
    ["migrate", false, []],
    ["recorder", true, []],
  ]);
  assertEquals(report.processes[3]!.uid, 33);
});

Deno.test("permissionReport() says for people what it says for programs", () => {
  const text = permissionReport(plan, "/cox", "text");
  for (
    const line of ["sampler-2\n", "migrate (uid 33, gid 33)\n  no sandbox", "recorder\n  nothing\n"]
  ) {
    assertStringIncludes(text, line);
  }
  for (const { flag } of collectPermissions(plan, "/cox").supervisor) {
    assertStringIncludes(text, flag);
  }
  assertEquals(
    JSON.parse(permissionReport(plan, "/cox", "json")),
    collectPermissions(plan, "/cox"),
  );
});

Deno.test("supervisorFlags() grants the run directory and the summary's folder alone", () => {
  assertEquals(supervisorFlags({ coxDir: "/cox", runDir: "/run/x", summaryPath: "/out/s.json" }), [
    "--no-prompt",
    "--no-config",
    "--cached-only",
    "--no-lock",
    "--v8-flags=--max-semi-space-size=1,--expose-gc,--single-threaded-gc",
    "--allow-ffi",
    "--allow-read=/run/x,/run/x.notify,/out,/cox/src",
    "--allow-write=/run/x,/run/x.notify,/out",
    "--allow-sys=uid",
  ]);
});

Deno.test("supervisorFlags() suffice for the control socket in the run directory", async () => {
  const runDir = await Deno.makeTempDir();
  const source = (path: string) => new URL(`../../../src/${path}`, import.meta.url).href;
  try {
    const program = `
      import { startControlServer } from ${JSON.stringify(source("control/server.ts"))};
      import { Reactor } from ${JSON.stringify(source("os/reactor.ts"))};
      import { peerCredentials } from ${JSON.stringify(source("process/credentials.ts"))};
      startControlServer({
        path: ${JSON.stringify(`${runDir}/control.sock`)},
        reactor: new Reactor(),
        limits: { requestBytesMax: 1024, requestTimeoutNs: 1e9, controlConnectionsMax: 2 },
        ownUid: Deno.uid(),
        peerOf: peerCredentials,
        handler: { call: (method, params, peer) => Promise.resolve(peer) },
      });
      console.log("listening");`;
    await using server = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        ...supervisorFlags({ coxDir: "/cox", runDir, summaryPath: null }),
        `data:text/javascript,${encodeURIComponent(program)}`,
      ],
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const reader = server.stdout.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "listening\n");
    await reader.cancel();
    using client = await connectControl(`${runDir}/control.sock`);
    assertEquals<unknown>(await client.call("version", {}), { uid: Deno.uid(), pid: Deno.pid });
    server.kill("SIGKILL");
  } finally {
    await Deno.remove(runDir, { recursive: true });
  }
});

Deno.test("formatGraph() draws text", () => {
  assertEquals(
    formatGraph(plan, "text"),
    `crew
├─ [outer] rest_for_one, at most 5 restarts in 10 s
│  ├─ sampler-1 (deno, permanent)
│  ├─ sampler-2 (deno, permanent)
│  └─ [inner] one_for_one, at most 5 restarts in 10 s
│     └─ recorder (deno, permanent)
│          after sampler-1 ready
│          after sampler-2 ready
│          after migrate completed
└─ migrate (command, temporary)
readings (pipe): sampler-1.stdout + sampler-2.stdout => recorder.stdin
`,
  );
});

Deno.test("formatGraph() draws Mermaid", () => {
  assertEquals(
    formatGraph(plan, "mermaid"),
    `flowchart LR
  subgraph g1["outer (rest_for_one)"]
    p0["sampler-1"]
    p1["sampler-2"]
    subgraph g2["inner (one_for_one)"]
      p3["recorder"]
    end
  end
  p2["migrate"]
  p0 -.->|"ready"| p3
  p1 -.->|"ready"| p3
  p2 -.->|"completed"| p3
  p0 ==>|"readings"| p3
  p1 ==>|"readings"| p3
`,
  );
});

Deno.test("formatGraph() draws Graphviz", () => {
  assertEquals(
    formatGraph(plan, "dot"),
    `digraph "crew" {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_1 { label="outer (rest_for_one)";
    "sampler-1";
    "sampler-2";
    subgraph cluster_2 { label="inner (one_for_one)";
      "recorder";
    }
  }
  "migrate";
  "sampler-1" -> "recorder" [style=dashed, label="ready"];
  "sampler-2" -> "recorder" [style=dashed, label="ready"];
  "migrate" -> "recorder" [style=dashed, label="completed"];
  "sampler-1" -> "recorder" [penwidth=2, label="readings"];
  "sampler-2" -> "recorder" [penwidth=2, label="readings"];
}
`,
  );
});

Deno.test("formatGraph() gives JSON with names for indices, without system processes", () => {
  const drawing = JSON.parse(formatGraph(plan, "json"));
  assertEquals(drawing.processes.map((process: { name: string }) => process.name), [
    "sampler-1",
    "sampler-2",
    "migrate",
    "recorder",
  ]);
  assertEquals(drawing.processes[3].after[2], { process: "migrate", condition: "completed" });
  assertEquals(drawing.channels, [{
    name: "readings",
    kind: "pipe",
    from: { processes: ["sampler-1", "sampler-2"], port: "stdout" },
    to: { processes: ["recorder"], port: "stdin" },
  }]);
  assertEquals(drawing.groups[0].members, [
    { kind: "group", name: "outer" },
    { kind: "process", name: "migrate" },
  ]);
});

Deno.test("formatGraph() escapes names in every language", () => {
  const mermaid = formatGraph(hostile, "mermaid");
  assertStringIncludes(mermaid, 'p0["p1#34;]#10;#60;x#62;#38;#35;34;#92;"]');
  const dot = formatGraph(hostile, "dot");
  assertStringIncludes(dot, 'digraph "a\\"b" {');
  assertStringIncludes(dot, '"p1\\"]\\n<x>&#34;\\\\";');
});

const relayedCrew = compiled(crew({
  many: commandProcess({ replicas: 2 }),
  b: commandProcess(),
  c: commandProcess(),
}, {
  channels: {
    plain: { kind: "pipe", from: "c.stdout", to: "b.stdin" },
    events: {
      kind: "pipe",
      from: ["many.stdout", "b.frames"],
      to: ["c.stdin", {
        port: "c.again",
        overflow: "drop-oldest",
        highWater: { messages: 1, bytes: "64KiB" },
        lifespan: "500ms",
      }],
      framing: "lines",
      maxMessage: "1KiB",
      rate: { messages: 30, bytes: "1MiB", overflow: "fail" },
    },
  },
}));

Deno.test("formatGraph() draws a relayed pipe as one channel with its policies", () => {
  assertEquals(
    formatGraph(relayedCrew, "text"),
    `crew
├─ many-1 (command, permanent)
├─ many-2 (command, permanent)
├─ b (command, permanent)
└─ c (command, permanent)
plain (pipe): c.stdout => b.stdin
events (relayed, lines, at most 1KiB each): many-1.stdout + many-2.stdout + b.frames => c.stdin + c.again
  c.stdin: block above 1024 messages or 1MiB
  c.again: drop-oldest above 1 message or 64KiB, lifespan 500ms
  each producer: 30 messages/s (burst 30), 1MiB/s (burst 1MiB), else fail
`,
  );
  assertStringIncludes(
    formatGraph(relayedCrew, "mermaid"),
    `  c1{{"events#10;lines, at most 1KiB each"}}
  p0 ==> c1
  p1 ==> c1
  p2 ==> c1
  c1 ==>|"block"| p3
  c1 ==>|"drop-oldest"| p3
`,
  );
  assertStringIncludes(
    formatGraph(relayedCrew, "dot"),
    `  "channel 1" [shape=hexagon, label="events\\nlines, at most 1KiB each"];
  "many-1" -> "channel 1" [penwidth=2];
  "many-2" -> "channel 1" [penwidth=2];
  "b" -> "channel 1" [penwidth=2];
  "channel 1" -> "c" [penwidth=2, label="block"];
  "channel 1" -> "c" [penwidth=2, label="drop-oldest"];
}
`,
  );
});

Deno.test("formatGraph() gives JSON of a relayed pipe without its legs", () => {
  const { channels, processes, groups } = JSON.parse(formatGraph(relayedCrew, "json"));
  assertEquals(channels.length, 2);
  assertEquals(channels[1], {
    name: "events",
    kind: "relayed",
    framing: "lines",
    maxMessageBytes: 1024,
    onMalformed: "drop",
    rate: {
      messagesPerSecond: 30,
      messagesBurst: 30,
      bytesPerSecond: 1 << 20,
      bytesBurst: 1 << 20,
      overflow: "fail",
    },
    from: [
      { process: "many-1", port: "stdout" },
      { process: "many-2", port: "stdout" },
      { process: "b", port: "frames" },
    ],
    to: [
      {
        process: "c",
        port: "stdin",
        overflow: "block",
        messagesMax: 1024,
        bytesMax: 1 << 20,
        lifespanNs: 0,
      },
      {
        process: "c",
        port: "again",
        overflow: "drop-oldest",
        messagesMax: 1,
        bytesMax: 65_536,
        lifespanNs: 500_000_000,
      },
    ],
  });
  assertEquals(processes.length, 4);
  assertEquals(groups[0].members.length, 4);
});
