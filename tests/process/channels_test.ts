/** `cox channels` of real crews: what is in the channels, without reading it. */
import { assert, assertEquals } from "@std/assert";
import { connectControl } from "../../src/control/client.ts";
import type { ChannelFigures, ChannelsReport } from "../../src/control/channels_report.ts";
import { coxCommand, eventually, startCrew, type TestCrew, WATCHDOG_MS } from "../support/crew.ts";

const CREW = `
import { command, defineConfig, listen, pipe, socket } from "coxswain";
const idle = { run: command(["sleep", "100000"]) };
export default defineConfig({
  name: "measured",
  processes: {
    source: { run: command(["yes", "in pieces"]), stop: { timeout: "200ms" } },
    sink: { run: command(["sh", "-c", "exec cat > /dev/null"]), stop: { timeout: "200ms" } },
    quiet: idle,
    deaf: idle,
    talker: { run: command(["python3", "-c", TALK]) },
    server: idle,
  },
  channels: {
    busy: pipe({ from: "source.stdout", to: "sink.stdin" }),
    empty: pipe({ from: "quiet.stdout", to: "deaf.stdin" }),
    pair: socket({ between: ["talker.talk", "deaf.talk"] }),
    web: listen({ server: "server.http", unix: { path: "./web.sock" }, clients: "anyone" }),
  },
});`;
const TALK = "import os,time; os.write(4, b'x' * 10); time.sleep(100000)";

function start(): Promise<TestCrew> {
  return startCrew(CREW.replace("TALK", JSON.stringify(TALK)));
}

async function cox(crew: TestCrew, ...args: string[]) {
  const [command = "", ...rest] = coxCommand(["--run-dir", crew.runDir, "channels", ...args]);
  const { code, stdout, stderr } = await new Deno.Command(command, { args: rest }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

async function reportOf(crew: TestCrew): Promise<ChannelsReport> {
  using client = await connectControl(`${crew.runDir}/control.sock`);
  return await client.call("channels", {});
}

const find = (report: ChannelsReport, name: string): ChannelFigures =>
  report.channels.find(({ channel }) => channel === name)!;

Deno.test("cox channels tells what waits in pipes, pairs and listeners, and who for whom", async () => {
  await using crew = await start();
  const { pid } = await crew.process("sink");
  Deno.kill(pid!, "SIGSTOP");
  const connections = [1, 2, 3].map(() =>
    Deno.connect({ transport: "unix", path: `${crew.projectDir}/web.sock` })
  );
  await Promise.all(connections);
  let report = await reportOf(crew);
  await eventually("the pipe is full, and the pair has something in it", async () => {
    report = await reportOf(crew);
    return find(report, "busy").waits !== null && find(report, "pair").fill! > 0;
  });
  assertEquals(report.seesReads, true);
  assertEquals(report.channels.map(({ channel, from, to }) => [channel, from, to]), [
    ["busy", "source.stdout", "sink.stdin"],
    ["empty", "quiet.stdout", "deaf.stdin"],
    ["pair", "talker.talk", "deaf.talk"],
    ["pair", "deaf.talk", "talker.talk"],
    ["web", "clients", "server.http"],
  ]);
  const busy = find(report, "busy");
  assertEquals([busy.unit, busy.capacity, busy.standsLonger], ["bytes", 65_536, true]);
  assert(busy.fill! > 32_768 && busy.standsForMs >= 100);
  assertEquals(busy.waits, {
    side: "producer",
    who: ["source"],
    for: [{ process: "sink", condition: "suspended" }],
  });
  assertEquals(find(report, "empty").waits, {
    side: "consumer",
    who: ["deaf"],
    for: [{ process: "quiet", condition: "running" }],
  });
  assertEquals([find(report, "web").fill, find(report, "web").unit], [3, "connections"]);
  for (const connection of connections) (await connection).close();
  Deno.kill(pid!, "SIGCONT");
});

Deno.test("cox channels of a pipe that is drained as fast as it is filled sees it flow", async () => {
  await using crew = await start();
  using client = await connectControl(`${crew.runDir}/control.sock`);
  await client.call("channels", {});
  // As much in it as before, look after look.
  await eventually("it is full, and flows", async () => {
    const { fill, standsForMs } = find(await client.call("channels", {}), "busy");
    return fill! > 32_768 && standsForMs === 0;
  });
});

Deno.test("cox channels shows a table, JSON, what was named, and refuses what nobody is called", async () => {
  await using crew = await start();
  const table = await cox(crew);
  assertEquals(table.code, 0, table.err);
  assertEquals(table.out.trimEnd().split("\n").length, 6);
  const named = await cox(crew, "deaf", "web", "--json");
  const { channels } = JSON.parse(named.out) as ChannelsReport;
  assertEquals(channels.map(({ channel }) => channel), ["empty", "pair", "pair", "web"]);
  const unknown = await cox(crew, "bussy");
  assertEquals([unknown.code, unknown.out], [100, ""]);
  assert(unknown.err.includes(`did you mean "busy"?`), unknown.err);
  for (
    const args of [["--interval", "1s"], ["--watch", "--interval", "99ms"], [
      "-w",
      "--interval",
      "x",
    ]]
  ) {
    assertEquals((await cox(crew, ...args)).code, 100);
  }
});

Deno.test("cox channels --watch --json goes on, a line each time, until the crew ends", async () => {
  await using crew = await start();
  const [command = "", ...args] = coxCommand(
    ["--run-dir", crew.runDir, "channels", "--watch", "--json", "--interval", "100ms"],
  );
  const child = new Deno.Command(command, { args, stdout: "piped" }).spawn();
  let text = "";
  const giveUp = setTimeout(() => child.kill("SIGKILL"), WATCHDOG_MS);
  let stopping: Promise<unknown> | null = null;
  for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.split("\n").length > 4) stopping ??= crew.stop();
  }
  const { code } = await child.status;
  clearTimeout(giveUp);
  await stopping;
  assertEquals(code, 0);
  const lines = text.trimEnd().split("\n");
  assert(lines.length >= 4);
  for (const line of lines) assertEquals((JSON.parse(line) as ChannelsReport).channels.length, 5);
});

Deno.test("nothing is kept of the channels when the last who watched has gone", async () => {
  await using crew = await start();
  const { pid } = await crew.process("sink");
  Deno.kill(pid!, "SIGSTOP");
  await eventually(
    "it stands still",
    async () => find(await reportOf(crew), "busy").waits !== null,
  );
  using client = await connectControl(`${crew.runDir}/control.sock`);
  await client.call("channels", {});
  await eventually("this connection has watched for long", async () => {
    return find(await client.call("channels", {}), "busy").standsForMs > 1000;
  });
  client.close();
  // One that comes later begins anew.
  await eventually("it is forgotten", async () => {
    const { standsForMs, standsLonger } = find(await reportOf(crew), "busy");
    return standsLonger && standsForMs < 1000;
  });
  Deno.kill(pid!, "SIGCONT");
});
