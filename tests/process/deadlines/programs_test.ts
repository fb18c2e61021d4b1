/** Programs that know nothing of cox keep contracts by what they say to systemd. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../../support/crew.ts";
import { eventsOf, missesOf } from "./support.ts";

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function one(run: string, deadlines: string): string {
  return `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "one",
  processes: {
    one: {
      run: ${run}, ready: { by: "notify", within: "20s" }, stop: { timeout: "2s" },
      deadlines: ${deadlines},
    },
  },
});`;
}

const runs = (crew: TestCrew, instance: number) =>
  crew.until(
    `#${instance} runs`,
    ({ processes }) =>
      processes["one"]!.state === "running" && processes["one"]!.instance === instance,
  );

Deno.test("systemd-notify WATCHDOG=1 keeps a heartbeat, and its end is a miss", {
  ignore: !installed("/usr/bin/systemd-notify"),
}, async () => {
  const script = "systemd-notify --ready; while [ ! -e hang ]; do systemd-notify WATCHDOG=1; " +
    "sleep 0.05; done; rm hang; exec sleep 1000";
  await using crew = await startCrew(one(
    `command(["sh", "-c", ${JSON.stringify(script)}])`,
    '{ heartbeat: { by: "notify", within: "2s", miss: "restart" } }',
  ));
  await runs(crew, 1);
  await eventually(
    "it has beaten for a while",
    async () => (await crew.snapshot()).deadlines["one.heartbeat"]!.kept > 20,
  );
  assertEquals(missesOf(crew), []);
  Deno.writeTextFileSync(`${crew.projectDir}/hang`, "");
  await runs(crew, 2);
  assertEquals(missesOf(crew).map(({ reason, instance }) => [reason, instance]), [["silent", 1]]);
});

Deno.test("a python3-systemd client keeps the WATCHDOG_USEC that it is told, until it hangs", {
  ignore: !installed("/usr/lib/python3/dist-packages/systemd/daemon.py"),
}, async () => {
  const program = JSON.stringify(`
import os, signal, time
from systemd import daemon
hung = False
def hang(*_):
    global hung
    hung = True
signal.signal(signal.SIGUSR1, hang)
half = int(os.environ["WATCHDOG_USEC"]) / 2e6
assert int(os.environ["WATCHDOG_PID"]) == os.getpid()
daemon.notify("READY=1")
while True:
    if not hung: daemon.notify("WATCHDOG=1")
    time.sleep(half)
`);
  await using crew = await startCrew(one(
    `command(["/usr/bin/python3", "-c", ${program}])`,
    '{ heartbeat: { by: "notify", within: "600ms", miss: "restart" } }',
  ));
  const { processes } = await runs(crew, 1);
  await eventually(
    "it has beaten for a while",
    async () => (await crew.snapshot()).deadlines["one.heartbeat"]!.kept > 4,
  );
  assertEquals(missesOf(crew), []);
  Deno.kill(processes["one"]!.pid!, "SIGUSR1");
  await runs(crew, 2);
  const [miss] = missesOf(crew);
  assertEquals([miss!.reason, miss!.limitMs], ["silent", 600]);
});

Deno.test("redis-server is in time for its readiness, and is stopped in time", {
  ignore: !installed("/usr/bin/redis-server"),
}, async () => {
  const argv =
    `["redis-server", "--port", "0", "--unixsocket", "r.sock", "--supervised", "systemd", "--save", ""]`;
  await using crew = await startCrew(one(
    `command(${argv})`,
    '{ ready: { within: "20s", warn: "1ms" }, stop: { within: "2s" } }',
  ));
  const { deadlines } = await runs(crew, 1);
  const ready = deadlines["one.ready"]!;
  assertEquals([ready.missed, ready.warned, ready.kept], [0, 1, 1]);
  assert(ready.times.span!.count === 1 && ready.times.span!.maxMs > 1);
  await crew.stop();
  assertEquals(missesOf(crew), []);
  const [warned] = eventsOf(crew, "deadline");
  assertEquals([warned!.kind, warned!.contract, warned!.reason], ["warn", "one.ready", "too-long"]);
});
