import { assert, assertEquals } from "@std/assert";
import { closeFd, createPipe, openNull } from "../../../src/os/pipe.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import { reap } from "../../../src/process/reap.ts";
import { spawnProcess } from "../../../src/process/spawn.ts";
import { pressure, type Strain, strainOf } from "../../../src/process/strain.ts";

const nullFd = openNull();

function start(argv: string[], stdin: number = nullFd): number {
  const spawned = spawnProcess({
    executable: argv[0]!,
    argv,
    cwd: "/",
    env: [],
    umask: 0o22,
    descriptors: [{ fd: 0, source: stdin }, { fd: 1, source: nullFd }],
  });
  assert(spawned.kind === "spawned");
  closeFd(spawned.pidfd);
  return spawned.pid;
}

async function until(pid: number, holds: (strain: Strain) => boolean): Promise<Strain> {
  for (const endMs = performance.now() + 10_000; performance.now() < endMs;) {
    const strain = strainOf(pid);
    if (strain !== null && holds(strain)) return strain;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new Error(`it never came to that: ${JSON.stringify(strainOf(pid))}`);
}

function end(pid: number): void {
  sendSignal(pid, 9);
  while (reap(pid).kind === "running");
}

Deno.test("strainOf() tells which call a process waits in, and on which descriptor", async () => {
  const pipe = createPipe();
  const pid = start(["/bin/cat"], pipe.readFd);
  // Its state and its call are read one after the other, and it reads its libraries first.
  const asleep = ({ call, state, callFd }: Strain) =>
    call === "read" && state === "S" && callFd === 0;
  await until(pid, asleep);
  end(pid);
  assertEquals(strainOf(pid), null);
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("strainOf() tells how long it ran, that it is stopped, and that it waits for nothing", async () => {
  const pid = start(["/bin/sh", "-c", "while :; do :; done"]);
  const busy = await until(pid, ({ ranNs, cpuMs }) => ranNs === null || (ranNs > 3e7 && cpuMs > 0));
  assertEquals(busy.call, null);
  sendSignal(pid, 19);
  await until(pid, ({ state }) => state === "T");
  end(pid);
});

Deno.test("pressure() is three shares of percent, or unknown", () => {
  const found = pressure();
  if (found === null) return;
  for (const share of Object.values(found)) assert(share >= 0 && share <= 100);
});
