/**
 * Reads load, memory and CPU times fifty times a second and writes them to stdout, one
 * JSON line each. Needs `--allow-sys=loadavg,systemMemoryInfo,cpus` and nothing else:
 * it cannot read a file, reach the network, or start a program.
 */
import { cpus } from "node:os";
import { isSupervised, ready, stopSignal, writeNdjson } from "coxswain/child";
import type { Sample } from "./sample.ts";
import { nextDue } from "./schedule.ts";

const PERIOD_MS = 20;

// Nothing to save: a line of this size is in the pipe as a whole or not at all.
stopSignal().addEventListener("abort", () => Deno.exit(0));

const startMs = performance.now();
const sinceStartMs = () => performance.now() - startMs;

let due = { dueMs: 0, skipped: 0 };
for (let seq = 0;; seq++) {
  await writeNdjson(takeSample(seq, due));
  // The first sample is out: from here on the rest of the pipeline has something to read.
  if (seq === 0 && isSupervised()) await ready();
  due = nextDue(due.dueMs, PERIOD_MS, sinceStartMs());
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due.dueMs - sinceStartMs())));
}

function takeSample(seq: number, { dueMs, skipped }: { dueMs: number; skipped: number }): Sample {
  const lateMs = Math.max(0, Math.round((sinceStartMs() - dueMs) * 1000) / 1000);
  const memory = Deno.systemMemoryInfo();
  let cpuBusyMs = 0;
  let cpuTotalMs = 0;
  for (const { times } of cpus()) {
    const busyMs = times.user + times.nice + times.sys + times.irq;
    cpuBusyMs += busyMs;
    cpuTotalMs += busyMs + times.idle;
  }
  return {
    at: new Date().toISOString(),
    seq,
    lateMs,
    skipped,
    load: Math.round(Deno.loadavg()[0]! * 1000) / 1000,
    memoryTotalBytes: memory.total,
    memoryAvailableBytes: memory.available,
    cpuBusyMs,
    cpuTotalMs,
  };
}
