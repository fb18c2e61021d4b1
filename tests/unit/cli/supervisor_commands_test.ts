// The commands that talk to a supervisor, against a real socket with a scripted answerer.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { EventRecord } from "../../../src/audit/event_record.ts";
import { ControlError } from "../../../src/control/control_error.ts";
import {
  type CrewSnapshot,
  type ProcessSnapshot,
  RPC_ERROR,
} from "../../../src/control/protocol.ts";
import type { Connection } from "../../../src/control/server.ts";
import { type ControlServer, startControlServer } from "../../../src/control/server.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { type CliResult, runCli } from "./support.ts";

const RUNNING: ProcessSnapshot = {
  state: "running",
  wanted: "up",
  pid: 4711,
  instance: 1,
  starts: 1,
  restarts: 0,
  lastExit: null,
  readySince: null,
  cpuMs: 5,
  rssBytes: 4096,
  statusText: null,
};

function snapshotOf(guardPid: number): CrewSnapshot {
  return {
    cox: "9.9.9",
    config: "vitals",
    supervisorPid: 2,
    guardPid,
    uptimeMs: 1,
    processes: { web: RUNNING },
    system: { "@log": RUNNING },
    channels: {},
    deadlines: {},
    events: 2,
  };
}

function eventOf(seq: number): EventRecord {
  return {
    seq,
    monoNs: seq,
    wall: "2025-01-02T03:04:05.678Z",
    event: "spawn",
    process: "web",
    instance: seq,
    pid: 100 + seq,
  };
}

interface FakeSupervisor extends AsyncDisposable {
  readonly calls: { method: string; params: unknown }[];
  /** The connection of the last call of `events`. */
  readonly follower: { current: Connection | null };
  readonly server: ControlServer;
  cox(...args: string[]): Promise<CliResult>;
}

async function startFake(
  answers: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => unknown>>,
): Promise<FakeSupervisor> {
  const runDir = await Deno.makeTempDir({ prefix: "cox-cli-" });
  const calls: FakeSupervisor["calls"] = [];
  const follower: FakeSupervisor["follower"] = { current: null };
  const reactor = new Reactor();
  const server = startControlServer({
    reactor,
    path: `${runDir}/control.sock`,
    limits: { requestBytesMax: 65_536, requestTimeoutNs: 20e9, controlConnectionsMax: 64 },
    ownUid: Deno.uid() ?? 0,
    peerOf: () => ({ pid: 1, uid: 0 }),
    handler: {
      call(method, params, _peer, connection) {
        calls.push({ method, params });
        if (method === "events") follower.current = connection;
        const answer = answers[method];
        if (answer === undefined) throw new Error(`no answer to ${method}`);
        return Promise.resolve(answer(params));
      },
    },
  });
  return {
    calls,
    follower,
    server,
    cox: (...args) => runCli(["--run-dir", runDir, ...args]),
    async [Symbol.asyncDispose]() {
      await server.close();
      reactor.close();
      await Deno.remove(runDir, { recursive: true });
    },
  };
}

Deno.test("cox ps prints the crew, with --all the system too, with --json the snapshot", async () => {
  await using fake = await startFake({ snapshot: () => snapshotOf(1) });
  const table = await fake.cox("ps");
  assertEquals(table.exit, 0);
  assertEquals(table.out.trim().split("\n").length, 2);
  assertStringIncludes(table.out, "web   running");
  const all = await fake.cox("ps", "-a");
  assertEquals(all.out.split("\n").map((line) => line.split(" ")[0]), ["NAME", "@log", "web", ""]);
  assertEquals(JSON.parse((await fake.cox("ps", "--json")).out), snapshotOf(1));
});

Deno.test("cox events prints kept events as lines or JSON, from --since on", async () => {
  await using fake = await startFake({
    events: ({ since }) => ({
      events: [1, 2].filter((seq) => seq >= Number(since)).map(eventOf),
      next: 3,
    }),
  });
  assertEquals(
    (await fake.cox("events")).out,
    "03:04:05.678     1  web#1 started, pid 101\n03:04:05.678     2  web#2 started, pid 102\n",
  );
  const json = await fake.cox("events", "--json", "--since", "2");
  assertEquals(JSON.parse(json.out), eventOf(2));
  assertEquals(fake.calls.at(-1)?.params, { since: 2, follow: false });
});

Deno.test("cox events -f goes on until the supervisor ends", async () => {
  await using fake = await startFake({ events: () => ({ events: [eventOf(1)], next: 2 }) });
  const following = fake.cox("events", "-f", "--json");
  while (fake.follower.current === null) await new Promise((resolve) => setTimeout(resolve, 1));
  for (let seq = 2; seq <= 500; seq++) fake.follower.current.notify("event", eventOf(seq));
  await fake.server.close();
  const { exit, out } = await following;
  assertEquals(exit, 0);
  assertEquals(
    out.trim().split("\n").map((line) => JSON.parse(line).seq),
    Array.from({ length: 500 }, (_, index) => index + 1),
  );
});

Deno.test("cox start prints each outcome and exits 111 when one failed", async () => {
  await using fake = await startFake({
    start: ({ name }) => ({
      outcomes: (name as string[]).flatMap((one) =>
        one === "good"
          ? [
            { process: "good-1", kind: "accepted", reason: null },
            { process: "good-2", kind: "ignored", reason: "it is up" },
          ]
          : [{ process: "bad", kind: "failed", reason: "it is failed" }]
      ),
    }),
  });
  assertEquals(await fake.cox("start", "good"), {
    exit: 0,
    out: "good-1: started\ngood-2: nothing to do: it is up\n",
    err: "",
  });
  const both = await fake.cox("start", "bad", "good", "--no-wait");
  assertEquals(both.exit, 111);
  assertEquals(both.err, "bad: failed: it is failed\n");
  assertStringIncludes(both.out, "good-1: accepted\n");
  assertEquals(fake.calls.map(({ params }) => params), [
    { name: ["good"], wait: true },
    { name: ["bad", "good"], wait: false },
  ]);
});

for (const [op, done] of [["stop", "stopped"], ["restart", "restarted"]] as const) {
  Deno.test(`cox ${op} asks for ${op} and exits 111 when it is denied`, async () => {
    await using fake = await startFake({
      [op]: ({ name }) => ({
        outcomes: [
          (name as string[]).includes("web")
            ? { process: "web", kind: "accepted", reason: null }
            : { process: "db", kind: "denied", reason: "the crew shuts down" },
        ],
      }),
    });
    assertEquals((await fake.cox(op, "web")).out, `web: ${done}\n`);
    const denied = await fake.cox(op, "db");
    assertEquals([denied.exit, denied.err], [111, "db: denied: the crew shuts down\n"]);
  });
}

Deno.test("cox signal sends name and signal, and explains an unknown name", async () => {
  await using fake = await startFake({
    signal: ({ name }) => {
      if (name === "web") return { outcomes: [{ process: "web", kind: "accepted", reason: null }] };
      throw new ControlError(RPC_ERROR.unknownName, `there is no process or group "${name}"`, {
        known: ["web"],
      });
    },
  });
  assertEquals((await fake.cox("signal", "web", "hup")).out, "web: sent\n");
  assertEquals(fake.calls[0]?.params, { name: "web", signal: "HUP" });
  const unknown = await fake.cox("signal", "wbe", "HUP");
  assertEquals(unknown.exit, 100);
  assertStringIncludes(unknown.err, 'did you mean "web"?');
});

Deno.test("cox down returns only when the guard is gone", async () => {
  const guard = new Deno.Command("sleep", { args: ["1000"] }).spawn();
  await using fake = await startFake({
    snapshot: () => snapshotOf(guard.pid),
    shutdown: () => ({ accepted: true }),
  });
  let returned = false;
  const down = fake.cox("down").then((result) => {
    returned = true;
    return result;
  });
  while (fake.calls.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
  await fake.server.close();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert(!returned, "it did not wait for the guard");
  guard.kill("SIGKILL");
  await guard.status;
  assertEquals(await down, { exit: 0, out: "vitals: down\n", err: "" });
});

Deno.test("cox down --no-wait returns when the shutdown is accepted", async () => {
  await using fake = await startFake({
    snapshot: () => snapshotOf(1),
    shutdown: () => ({ accepted: true }),
  });
  assertEquals((await fake.cox("down", "--no-wait")).out, "vitals: shutdown accepted\n");
});

Deno.test("cox version names the running supervisor, and none when there is none", async () => {
  await using fake = await startFake({ version: () => ({ cox: "9.9.9", pid: 7 }) });
  const { out } = await fake.cox("version", "--json");
  assertEquals(JSON.parse(out).supervisor, { cox: "9.9.9", pid: 7 });
  const alone = await runCli(["version"]);
  assertEquals([alone.exit, alone.out.split("\n").length], [0, 3]);
});
