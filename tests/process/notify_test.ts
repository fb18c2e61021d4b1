/** sd_notify in real crews: every message, a daemon's main process, floods, nothing leaked. */
import { assert, assertEquals } from "@std/assert";
import type { EventRecord } from "../../src/audit/event_record.ts";
import { eventually, isAlive, startCrew, type TestCrew } from "../support/crew.ts";
import { pidsOf } from "../support/crew_pids.ts";
import { request } from "../support/request.ts";

/** Sends each argument as one message; without a newline at its end. */
const PRELUDE = `
import array, os, socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
sock.connect(os.environ["NOTIFY_SOCKET"])
def say(text): sock.send(text.encode())
`;

function configOf(process: string, others = ""): string {
  return `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "notify",
  processes: {
    p: { run: command(["/usr/bin/env", "python3", "p.py"]), ${process} },
    ${others}
  },
});`;
}

function startNotifier(script: string, process: string, others = ""): Promise<TestCrew> {
  return startCrew(configOf(process, others), { files: { "p.py": PRELUDE + script } });
}

const READY = `ready: { by: "notify", within: "20s" }`;

function textsOf(crew: TestCrew): string[] {
  return crew.events().flatMap((event) => event.event === "notify" ? [event.text] : []);
}

Deno.test("every message is heard: extended time, status, error number, reload, stopping", async () => {
  const script = `
say("EXTEND_TIMEOUT_USEC=30000000")
time.sleep(4)
say("STATUS=half way\\nERRNO=2")
say("READY=1\\nSTATUS=up")
say("RELOADING=1\\nMONOTONIC_USEC=%d" % (time.monotonic_ns() // 1000))
say("READY=1\\nWATCHDOG=1\\nX_UNKNOWN=1")
say("WATCHDOG=trigger")
say("STOPPING=1")
time.sleep(1000)
`;
  // Without the extension, which an interpreter has to be up for, it would be killed after 3 s.
  await using crew = await startNotifier(script, `ready: { by: "notify", within: "3s" }`);
  await eventually("all are heard", () => textsOf(crew).at(-1) === "STOPPING=1");
  const { state, statusText, restarts } = await crew.process("p");
  assertEquals({ state, statusText, restarts }, {
    state: "running",
    statusText: "up",
    restarts: 0,
  });
  assertEquals(textsOf(crew).map((text) => text.replace(/USEC=[0-9]+/, "USEC=n")), [
    "EXTEND_TIMEOUT_USEC=n",
    "STATUS=half way ERRNO=2",
    "READY=1 STATUS=up",
    "RELOADING=1 MONOTONIC_USEC=n",
    "READY=1 WATCHDOG=1 X_UNKNOWN=1",
    "WATCHDOG=trigger",
    "STOPPING=1",
  ]);
  assertEquals(crew.events().filter(({ event }) => event === "warning"), []);
});

Deno.test("MAINPID of a daemon is followed beyond the exit of its first process", async () => {
  const script = `
child = os.fork()
if child == 0:
    os.setsid()
    time.sleep(1000)
say("MAINPID=%d\\nREADY=1" % child)
`;
  await using crew = await startNotifier(script, `${READY}, stop: { timeout: "5s" }`);
  const spawned = () =>
    crew.events().flatMap((event) =>
      event.event === "spawn" && event.process === "p" ? [event.pid] : []
    );
  await eventually("the first process has ended", () => {
    const [first] = spawned();
    return first !== undefined && !isAlive(first);
  });
  const { processes: { p } } = await crew.until(
    "it runs under its new pid",
    (up) => up.processes.p!.state === "running" && up.processes.p!.pid !== spawned()[0],
  );
  assertEquals(p!.restarts, 0);
  const daemon = p!.pid!;
  assert(isAlive(daemon));
  Deno.kill(daemon, "SIGKILL");
  const back = await crew.until(
    "the daemon's death is a restart",
    (up) =>
      up.processes.p!.instance === 2 && up.processes.p!.state === "running" &&
      up.processes.p!.pid !== spawned()[1],
  );
  const second = back.processes.p!.pid!;
  await request(crew, "stop", "p");
  assert(!isAlive(second), "stop reaches the daemon");
});

Deno.test("MAINPID of a stranger is refused", async () => {
  await using crew = await startNotifier(
    `say("MAINPID=1\\nREADY=1")\ntime.sleep(1000)\n`,
    READY,
  );
  await crew.until("it runs", ({ processes }) => processes.p!.state === "running");
  assert((await crew.process("p")).pid !== 1);
  const refused = crew.events().filter(({ event }) => event === "notifyRefused");
  assertEquals(refused.length, 1);
});

Deno.test("five thousand messages with descriptors leave none open in the supervisor", async () => {
  const script = `
say("READY=1")
fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(8)]
go = "go"
while not os.path.exists(go): time.sleep(0.01)
for index in range(5000):
    text = "BARRIER=1" if index % 2 else "WATCHDOG=1"
    socket.send_fds(sock, [text.encode()], fds[: 1 if index % 2 else 8])
say("STATUS=done")
time.sleep(1000)
`;
  await using crew = await startNotifier(script, READY);
  await crew.until("it runs", ({ processes }) => processes.p!.state === "running");
  const { supervisor } = pidsOf(crew);
  const open = () => [...Deno.readDirSync(`/proc/${supervisor}/fd`)].length;
  const before = open();
  Deno.writeTextFileSync(`${crew.projectDir}/go`, "");
  await eventually("all were sent", () => textsOf(crew).includes("STATUS=done"));
  // A connection of ours may still be on its way out.
  await eventually("as many are open as before", () => open() <= before);
});

Deno.test("a flood from one process keeps no other from becoming ready", async () => {
  const others = `
    calm: {
      run: command(["/usr/bin/env", "python3", "calm.py"]),
      ready: { by: "notify", within: "20s" },
    },`;
  const flood = `
say("READY=1")
while True: say("STATUS=flood %d" % time.monotonic_ns())
`;
  await using crew = await startCrew(configOf(READY, others), {
    files: { "p.py": PRELUDE + flood, "calm.py": PRELUDE + `say("READY=1")\ntime.sleep(1000)\n` },
  });
  await crew.until(
    "both run, and a restarted one too",
    ({ processes: { p, calm } }) => p!.state === "running" && calm!.state === "running",
  );
  await request(crew, "restart", "calm");
  assertEquals((await crew.process("calm")).state, "running");
  assertEquals((await crew.stop()).code, 0, crew.output().slice(-2000));
  const mine = (event: EventRecord) => event.event === "exit" && event.process === "calm";
  assertEquals(crew.events().filter(mine).length >= 1, true);
});
