/** Heartbeats of real processes: what is missed, what is done, who is not blamed. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../../support/crew.ts";
import { beatingCrew, eventsOf, missesOf, PATIENT, PATIENT_MS } from "./support.ts";

Deno.test("a process that hangs is restarted for its heartbeat, by the monitor's own signal", async () => {
  const deadlines = `{ heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } }`;
  await using crew = await startCrew(beatingCrew(deadlines));
  await crew.until("it runs", ({ processes }) => processes["beater"]!.state === "running");
  const before = await crew.process("beater");
  Deno.kill(before.pid!, "SIGUSR1");
  await crew.until(
    "it runs again",
    ({ processes }) =>
      processes["beater"]!.instance === 2 && processes["beater"]!.state === "running",
  );
  const misses = missesOf(crew);
  assertEquals(misses.length, 1);
  const [miss] = misses;
  assertEquals([miss!.contract, miss!.reason, miss!.instance, miss!.did], [
    "beater.heartbeat",
    "silent",
    1,
    ["restart"],
  ]);
  assert(miss!.lateMs >= 0 && miss!.limitMs === PATIENT_MS, JSON.stringify(miss));
  const { restarts, lastExit } = await crew.process("beater");
  assertEquals(restarts, 1);
  assert(lastExit !== null && "cause" in lastExit && lastExit.cause === "deadline");
  await eventually("it holds again", () => eventsOf(crew, "deadlineRecovered").length > 0);
  const recovered = eventsOf(crew, "deadlineRecovered");
  assertEquals(recovered.map(({ contract, instance }) => [contract, instance]), [
    ["beater.heartbeat", 2],
  ]);
  // The monitor's signal is the only one.
  assertEquals(eventsOf(crew, "signal").filter(({ cause }) => cause !== "leftover"), []);
});

const running = async (crew: TestCrew) => {
  await crew.until("it runs", ({ processes }) => processes["beater"]!.state === "running");
  return await crew.process("beater");
};

Deno.test("a process that is stopped by a signal is missed at once, told of, and not blamed", async () => {
  const deadlines = `{ heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } }`;
  await using crew = await startCrew(beatingCrew(deadlines));
  const { pid } = await running(crew);
  Deno.kill(pid!, "SIGSTOP");
  await eventually("it is excused", () => eventsOf(crew, "deadlineExcused").length > 0);
  assertEquals(eventsOf(crew, "deadlineExcused").map(({ contract, why }) => [contract, why]), [
    ["beater.heartbeat", "stopped"],
  ]);
  Deno.kill(pid!, "SIGCONT");
  await eventually("it runs again", () => eventsOf(crew, "deadlineResumed").length > 0);
  assert(crew.output().includes("is stopped by a signal (SIGSTOP)"), crew.output());
  // It is judged again: the same process, for a hang of its own.
  Deno.kill(pid!, "SIGUSR1");
  await eventually("it is missed", () => missesOf(crew).length > 0);
  assertEquals(missesOf(crew)[0]!.instance, 1);
});

Deno.test("a supervisor that was stopped for 10 s blames nobody, and judges on", async () => {
  const deadlines = `{ heartbeat: { by: "notify", within: "${PATIENT}", miss: "restart" } }`;
  await using crew = await startCrew(beatingCrew(deadlines));
  const { pid } = await running(crew);
  const { supervisorPid } = await crew.snapshot();
  Deno.kill(supervisorPid, "SIGSTOP");
  await new Promise((resolve) => setTimeout(resolve, 10_000));
  Deno.kill(supervisorPid, "SIGCONT");
  await eventually("it tells", () => eventsOf(crew, "deadlinesExcused").length > 0);
  const [absence] = eventsOf(crew, "deadlinesExcused");
  assert(absence!.why === "stopped" && absence!.forMs > 9_000, JSON.stringify(absence));
  Deno.kill(pid!, "SIGUSR1");
  await eventually("it is missed", () => missesOf(crew).length > 0);
  assertEquals(missesOf(crew).map(({ instance, reason }) => [instance, reason]), [[1, "silent"]]);
});

Deno.test("a contract that tolerates misses is acted on when it is broken, and tells of its recovery", async () => {
  const deadlines = `{ heartbeat: {
    by: "notify", within: "${PATIENT}", tolerate: { misses: 1, in: 10 }, recoverAfter: 3,
    miss: [], broken: { signal: "SIGUSR2" },
  } }`;
  // Silent for a while each time that it is asked to, and told when it has been signalled.
  const program = `
import os, signal, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
silent = 0
def hush(*_):
    global silent
    silent = 1
signal.signal(signal.SIGUSR1, hush)
signal.signal(signal.SIGUSR2, lambda *_: s.send(b"STATUS=signalled"))
s.send(b"READY=1")
while True:
    s.send(b"WATCHDOG=1")
    pause, silent = (${PATIENT_MS * 1.5 / 1000} if silent else 0.02), 0
    time.sleep(pause)
`;
  await using crew = await startCrew(
    beatingCrew(deadlines).replace(
      /command\(\[.*\]\)/,
      () => `command(["python3", "-c", ${JSON.stringify(program)}])`,
    ),
  );
  const { pid } = await running(crew);
  Deno.kill(pid!, "SIGUSR1");
  await eventually("a first miss", () => missesOf(crew).length === 1);
  assert(!missesOf(crew)[0]!.broke);
  assertEquals((await crew.process("beater")).statusText, null);
  Deno.kill(pid!, "SIGUSR1");
  await eventually("a second", () => missesOf(crew).length === 2);
  const [, second] = missesOf(crew);
  assertEquals([second!.broke, second!.missed, second!.did], [true, 2, ["SIGUSR2"]]);
  await crew.until(
    "it was signalled",
    ({ processes }) => processes["beater"]!.statusText === "signalled",
  );
  await eventually("it recovers", () => eventsOf(crew, "deadlineRecovered").length === 1);
  assertEquals((await crew.process("beater")).instance, 1);
});

Deno.test("WATCHDOG=trigger is a miss at once, and WATCHDOG_USEC another limit", async () => {
  const deadlines = '{ heartbeat: { by: "notify", within: "1h", miss: "restart" } }';
  const program = `
import os, socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
s.send(b"READY=1")
if os.environ["COX_INSTANCE"].endswith("#1"):
    s.send(b"WATCHDOG=trigger")
else:
    s.send(b"WATCHDOG=1\\nWATCHDOG_USEC=100000")
time.sleep(1000)
`;
  await using crew = await startCrew(
    beatingCrew(deadlines).replace(
      /command\(\[.*\]\)/,
      () => `command(["python3", "-c", ${JSON.stringify(program)}])`,
    ),
  );
  await eventually("both are missed", () => missesOf(crew).length >= 2);
  const [first, second] = missesOf(crew);
  assertEquals([first!.instance, first!.reason], [1, "triggered"]);
  assertEquals([second!.instance, second!.reason, second!.limitMs], [2, "silent", 100]);
  const told = "beater.heartbeat missed: beater#1 says itself that it hangs (WATCHDOG=trigger)";
  await eventually("it is on the screen", () => crew.output().includes(told));
  assert(second!.lateMs < 10_000, JSON.stringify(second));
});

Deno.test("a missed contract stops, fails its group, runs a program, or enters the safe mode", async () => {
  const deadlines = `{ heartbeat: { by: "notify", within: "${PATIENT}", miss: [
    { run: command(["sh", "-c", "echo $COX_MISS_CONTRACT $COX_MISS_REASON > told"]), timeout: "5s" },
    "safe-mode",
  ] } }`;
  const more = 'safeMode: { start: ["fallback"] },';
  await using crew = await startCrew(
    beatingCrew(deadlines, more).replace("processes: {", () =>
      `processes: {
      fallback: { run: command(["sleep", "1000"]) },`),
  );
  const { pid } = await running(crew);
  Deno.kill(pid!, "SIGUSR1");
  await crew.until(
    "the safe mode",
    ({ processes }) =>
      processes["beater"]!.state === "idle" && processes["fallback"]!.state === "running",
  );
  await eventually("the program has ended", () => eventsOf(crew, "missProgram").length > 0);
  assertEquals(eventsOf(crew, "missProgram")[0]!.outcome, "ended: code 0");
  assertEquals(
    Deno.readTextFileSync(`${crew.projectDir}/told`),
    "beater.heartbeat silent\n",
  );
  assertEquals(eventsOf(crew, "safeMode").length, 1);
});
