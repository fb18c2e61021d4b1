/**
 * Reads load, memory and CPU times fifty times a second, on a cycle that the supervisor watches,
 * and publishes them in a mailbox; alone it writes them to stdout, one JSON line each. Needs
 * `--allow-sys=loadavg,systemMemoryInfo,cpus` and nothing else: it cannot read a file, reach the
 * network, or start a program.
 */
import { cpus } from "node:os";
import {
  cycle,
  isSupervised,
  mailboxProducer,
  ready,
  stopSignal,
  struct,
  type Tick,
  writeNdjson,
} from "coxswain/child";
import { READING_FIELDS, writeReading } from "./reading.ts";
import type { Sample } from "./sample.ts";

const PERIOD_MS = 20;

// Nothing to save: what is not published yet is a sample of which nobody knows.
stopSignal().addEventListener("abort", () => Deno.exit(0));

const readings = isSupervised()
  ? mailboxProducer("readings", { schema: struct(READING_FIELDS) })
  : null;
// Before the first pass is due: from here on the rest of the pipeline may come.
if (readings !== null) await ready();

let seq = 0;
for await (const tick of cycle("sample", { alone: { periodMs: PERIOD_MS } })) {
  const sample = takeSample(seq++, tick);
  if (readings === null) {
    await writeNdjson(sample);
    continue;
  }
  const loan = readings.loan();
  if (loan.kind !== "loan") continue;
  writeReading(loan.fields, sample);
  readings.publish();
}

function takeSample(seq: number, { dueNs, startNs, skipped }: Tick): Sample {
  const lateMs = Math.max(0, Math.round((startNs - dueNs) / 1000) / 1000);
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
