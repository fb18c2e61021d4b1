import { assert, assertEquals } from "@std/assert";
import { openMonitorCalls } from "../../../src/os/monitor_calls.ts";
import { monotonicMs } from "../../../src/os/monotonic.ts";
import { closeFd, createPipe, writeFd } from "../../../src/os/pipe.ts";
import { createEventFd } from "../../../src/os/event_fd.ts";
import { openPidfd } from "../../../src/process/pidfd.ts";
import { reap } from "../../../src/process/reap.ts";
import { spawnProcess } from "../../../src/process/spawn.ts";

function spawnSleep(): { pid: number; pidfd: number } {
  const spawned = spawnProcess({
    executable: "/bin/sleep",
    argv: ["/bin/sleep", "100"],
    cwd: "/",
    env: [],
    umask: 0o22,
    descriptors: [],
  });
  assert(spawned.kind === "spawned");
  return spawned;
}

Deno.test("MonitorCalls.sleepUntil() never ends early without a cause, and at once with one", () => {
  const calls = openMonitorCalls(2);
  const event = createEventFd();
  calls.sleepOn(1, event);
  const due = calls.nowNs() + 5e6;
  calls.sleepUntil(due);
  assert(calls.nowNs() >= due);
  assert(!calls.wasHeard(1));
  calls.sleepUntil(calls.nowNs() - 1);
  calls.giveEvent(event);
  assert(calls.isReadable(event));
  const farNs = calls.nowNs() + 60e9;
  calls.sleepUntil(farNs);
  assert(calls.nowNs() < farNs);
  assert(calls.wasHeard(1) && !calls.wasHeard(0));
  calls.takeEvent(event);
  assert(!calls.isReadable(event));
  closeFd(event);
});

Deno.test("MonitorCalls.nowNs() is the clock of the machine", () => {
  const calls = openMonitorCalls(1);
  const before = monotonicMs() * 1e6;
  const now = calls.nowNs();
  assert(now >= before - 1000 && now <= monotonicMs() * 1e6 + 1000);
});

Deno.test("MonitorCalls.signal() reaches the process of a pidfd, and nobody when it is gone", () => {
  const calls = openMonitorCalls(1);
  const { pid, pidfd } = spawnSleep();
  const other = openPidfd(pid)!;
  assertEquals(calls.signal(other, 15, true), "sent");
  while (!calls.isReadable(pidfd)) calls.sleepUntil(calls.nowNs() + 1e6);
  // Dead and not reaped: as for kill(2), it may still be signalled.
  assertEquals(calls.signal(other, 15, false), "sent");
  const result = reap(pid);
  assert(result.kind === "exited");
  assertEquals(result.reason, {
    kind: "signal",
    signal: "SIGTERM",
    coreDumped: false,
    cause: null,
  });
  assertEquals(calls.signal(other, 15, true), "gone");
  closeFd(other);
  closeFd(pidfd);
});

Deno.test("MonitorCalls.fillBytes() says what a pipe holds, and 0 of what is no descriptor", () => {
  const calls = openMonitorCalls(1);
  const { readFd, writeFd: into } = createPipe();
  assertEquals(calls.fillBytes(readFd), 0);
  writeFd(into, new Uint8Array(300));
  assertEquals([calls.fillBytes(readFd), calls.fillBytes(into)], [300, 300]);
  closeFd(readFd);
  closeFd(into);
  assertEquals(calls.fillBytes(readFd), 0);
});
