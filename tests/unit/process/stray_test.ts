import { assert } from "@std/assert";
import { closeFd, createPipe, openNull } from "../../../src/os/pipe.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import { belongsTo, type StrayMarks } from "../../../src/process/stray.ts";
import { openFileOf, processStat, ticksSinceBoot } from "../../../src/process/tree.ts";
import { ended, mustSpawn, shellRequest } from "../../process/support/harness.ts";

const NEVER_A_PID = 2 ** 30;
const LATER_TICKS = Number.MAX_SAFE_INTEGER;

function marksOf(instance: number, changes: Partial<StrayMarks> = {}): StrayMarks {
  return {
    processName: "a",
    pid: NEVER_A_PID,
    instance,
    runId: "r",
    sessions: new Set(),
    cgroupDir: null,
    endedTicks: LATER_TICKS,
    ...changes,
  };
}

/** A child that writes into a pipe, for as long as `look` takes. */
async function withWriter(
  env: readonly (readonly [string, string])[],
  look: (pid: number, pipeInode: number) => void,
): Promise<void> {
  const { readFd, writeFd } = createPipe();
  const nullFd = openNull();
  const child = mustSpawn({
    ...shellRequest("exec sleep 30", { env: [["PATH", "/usr/bin:/bin"], ...env] }),
    descriptors: [
      { fd: 0, source: nullFd },
      { fd: 1, source: writeFd },
      { fd: 2, source: nullFd },
    ],
  });
  try {
    const inode = /^pipe:\[(\d+)\]$/.exec(openFileOf(Deno.pid, readFd) ?? "")?.[1];
    look(child.pid, Number(inode));
  } finally {
    sendSignal(-child.pid, 9);
    await ended(child);
    for (const fd of [readFd, writeFd, nullFd]) closeFd(fd);
  }
}

Deno.test("belongsTo() takes nothing of the next instance, which has the same pipe", async () => {
  await withWriter([["COX_RUN", "r"], ["COX_INSTANCE", "a#2"]], (pid, inode) => {
    assert(!belongsTo(pid, marksOf(1, { capturePipeInodes: [inode] })));
    assert(belongsTo(pid, marksOf(2)));
  });
});

Deno.test("belongsTo() knows a writer without a mark by the pipe, if it is old enough", async () => {
  await withWriter([], (pid, inode) => {
    const { startTicks } = processStat(pid)!;
    const marks = (endedTicks: number) => marksOf(1, { capturePipeInodes: [inode], endedTicks });
    assert(belongsTo(pid, marks(startTicks + 1)));
    assert(!belongsTo(pid, marks(startTicks)));
    assert(!belongsTo(pid, marksOf(1)));
  });
});

Deno.test("ticksSinceBoot() agrees with the start of a process", async () => {
  const before = ticksSinceBoot(0);
  await withWriter([], (pid) => {
    const { startTicks } = processStat(pid)!;
    assert(before <= startTicks && startTicks <= ticksSinceBoot(0));
    assert(ticksSinceBoot(60_000) < before);
  });
});
