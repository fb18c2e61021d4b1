/**
 * Claim: what `@relay` holds for a consumer that stands still is its high-water mark, and no more
 * however long it stands: memory against the same `@relay` with an empty queue, while a producer
 * writes on and the oldest messages are dropped.
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { pssBytes } from "./support/procfs.ts";
import { median } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "relayed_memory";

const HIGH_WATER_MIB = 64;
const LINE_BYTES = 1024;
const ENDLESS_BYTES = 1e15;
/** It packs its heap some seconds after its start. */
const SETTLE_MS = 8000;
const SAMPLES = 20;
const SAMPLE_MS = 500;
const MIB = 1 << 20;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const source = await workshop.compile("line_source");
  await using crew = await BenchCrew.start(workshop, "stopped", crewOf(source));
  const { system } = await crew.until(
    "both run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  const pid = system["@relay"]!.pid!;
  const sample = async (): Promise<number[]> => {
    const values: number[] = [];
    for (let count = 0; count < SAMPLES / 2; count++) {
      await delay(SAMPLE_MS);
      values.push(pssBytes(pid) / MIB);
    }
    return values;
  };
  await delay(SETTLE_MS);
  const empty = pssBytes(pid) / MIB;
  await crew.until("the queue is full and the oldest are dropped", ({ channels }) => {
    const lines = channels["lines"];
    return lines?.kind === "relayed" && lines.consumers[0]!.dropped.overflow > 1000;
  });
  const early = await sample();
  const late = await sample();
  return [
    makeRow({
      claim: `memory of @relay for a stopped consumer with ${HIGH_WATER_MIB} MiB of messages`,
      measured: median(late) - empty,
      unit: "MiB",
      baseline: { name: "its high-water mark", value: HIGH_WATER_MIB },
      target: { of: "ratio", rule: "at most", value: 1.25 },
      spread: { empty, min: Math.min(...late), max: Math.max(...late) },
      runs: late.length,
    }),
    makeRow({
      claim: "the same, most in the second five seconds against the first",
      measured: Math.max(...late),
      unit: "MiB",
      baseline: { name: "first five seconds", value: Math.max(...early) },
      target: { of: "ratio", rule: "at most", value: 1.05 },
      spread: { min: Math.min(...early), max: Math.max(...late) },
      runs: late.length,
    }),
  ];
}

function crewOf(source: string): Config {
  const delayMs = String(SETTLE_MS + 2000);
  const argv = [source, String(ENDLESS_BYTES), String(LINE_BYTES), delayMs] as const;
  return {
    name: "stopped",
    processes: {
      source: { run: { kind: "command", argv } },
      // Reads nothing.
      stopped: { run: { kind: "command", argv: ["/bin/sleep", "1000"] } },
    },
    channels: {
      lines: {
        kind: "pipe",
        from: "source.stdout",
        to: "stopped.stdin",
        framing: "lines",
        overflow: "drop-oldest",
        highWater: { messages: 1_000_000, bytes: `${HIGH_WATER_MIB}MiB` },
      },
    },
  };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
