/**
 * Claims: a sealed Deno program stamps a pass in at most 150 ns, and `cycle()` paces a loop of 1 kHz
 * with at most twice the p99 of a loop in C, idle and loaded, with and without SCHED_FIFO.
 *
 * ```
 *  round:  cycle() in Deno 2 s │ clock_nanosleep in C 2 s     each once idle, loaded, FIFO, both
 * ```
 *
 * Passes that are over by a period or more are skipped by both loops alike.
 */
import { cycleLine, HEARTBEAT } from "../tests/support/pulse_memory.ts";
import { PulseBench } from "../tests/support/pulse_program.ts";
import { makeRow, type Row } from "./row.ts";
import { median, quantile } from "./support/stats.ts";
import { runToEnd, Workshop } from "./support/workshop.ts";

export const name = "deadline_client";

const STAMPS = 2_000_000;
const ROUNDS = 5;
const PASSES = 2000;
const FIFO_PRIORITY = 50;

/** How both loops run. */
interface Setting {
  readonly name: string;
  readonly isLoaded: boolean;
  readonly isFifo: boolean;
}
const SETTINGS: readonly Setting[] = [
  { name: "idle", isLoaded: false, isFifo: false },
  { name: "both cores loaded", isLoaded: true, isFifo: false },
  { name: "idle, FIFO", isLoaded: false, isFifo: true },
  { name: "both cores loaded, FIFO", isLoaded: true, isFifo: true },
];

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const rows = await stampRows(workshop);
  const loop = await workshop.compile("cycle_loop");
  const mayFifo = await isAllowed(["chrt", "-f", `${FIFO_PRIORITY}`, "true"]);
  for (const setting of SETTINGS) {
    if (setting.isFifo && !mayFifo) {
      console.error(`${setting.name}: SCHED_FIFO is not allowed here`);
    } else rows.push(await jitterRow(workshop, loop, setting));
  }
  return rows;
}

async function stampRows(workshop: Workshop): Promise<Row[]> {
  const probe = await workshop.compile("stamp_cost");
  const [signC, passC] = (await runToEnd([probe, `${STAMPS}`])).trim().split("\n").map(Number);
  using bench = new PulseBench([HEARTBEAT, cycleLine("sample", 1)]);
  // A period of 1 ns is always over: every pass is begun at once, and nothing sleeps.
  const { text } = await bench.run(
    "cycle, heartbeat",
    `const sample = cycle("sample");
     const cost = (stamp) => {
       const began = memory.nowNs();
       for (let left = ${STAMPS}; left > 0; left--) stamp();
       return (memory.nowNs() - began) / ${STAMPS};
     };
     const loop = { sign: () => heartbeat(), pass: () => sample.wait() };
     cost(loop.sign), cost(loop.pass);
     console.log(cost(loop.sign)), console.log(cost(loop.pass));`,
  );
  const [sign, pass] = text.trim().split("\n").map(Number);
  const row = (claim: string, measured: number, value: number) =>
    makeRow({
      claim,
      measured,
      unit: "ns",
      baseline: { name: "the same stores in C", value },
      target: { of: "measured", rule: "at most", value: 150 },
      spread: {},
      runs: STAMPS,
    });
  return [
    row("heartbeat() in a sealed Deno program", sign!, signC!),
    row("a pass of cycle(), start and end stamped, in a sealed Deno program", pass!, passC!),
  ];
}

async function jitterRow(workshop: Workshop, loop: string, setting: Setting): Promise<Row> {
  const load = setting.isLoaded
    ? Array.from(
      { length: navigator.hardwareConcurrency },
      () => workshop.start(["/bin/sh", "-c", "while :; do :; done"]),
    )
    : [];
  const deno: number[] = [];
  const c: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      deno.push(...await denoLoop(setting));
      const prefix = setting.isFifo ? ["chrt", "-f", `${FIFO_PRIORITY}`] : [];
      const text = await runToEnd([...prefix, loop, `${PASSES}`]);
      c.push(...text.trim().split("\n").map(Number));
    }
  } finally {
    for (const child of load) {
      child.kill("SIGKILL");
      await child.status;
    }
  }
  const us = (values: readonly number[], part: number) => quantile(values, part) / 1000;
  return makeRow({
    claim: `start of a pass after its due time at 1 kHz, p99: ${setting.name}`,
    measured: us(deno, 0.99),
    unit: "µs",
    baseline: { name: "clock_nanosleep in C", value: us(c, 0.99) },
    target: { of: "ratio", rule: "at most", value: 2 },
    spread: {
      p50: median(deno) / 1000,
      p999: us(deno, 0.999),
      max: us(deno, 1),
      cP50: median(c) / 1000,
      cP999: us(c, 0.999),
      cMax: us(c, 1),
    },
    runs: ROUNDS * PASSES,
  });
}

async function denoLoop({ isFifo }: Setting): Promise<number[]> {
  using bench = new PulseBench([cycleLine("sample", 1_000_000, 4096)]);
  const { text } = await bench.run(
    "cycle",
    `const late = new Float64Array(${PASSES});
     const sample = cycle("sample");
     // The set-up from outside, and compiled code: half a second.
     for (let pass = 0; pass < 500; pass++) sample.wait();
     for (let pass = 0; pass < ${PASSES}; pass++) {
       sample.wait();
       late[pass] = sample.tick.startNs - sample.tick.dueNs;
     }
     sample.leave();
     console.log(JSON.stringify([...late]));`,
    { meanwhile: isFifo ? setFifo : () => Promise.resolve() },
  );
  return JSON.parse(text);
}

/** The main thread, which has the loop. */
async function setFifo(pid: number): Promise<void> {
  await runToEnd(["chrt", "-f", "-p", `${FIFO_PRIORITY}`, `${pid}`]);
}

async function isAllowed(argv: readonly string[]): Promise<boolean> {
  return await runToEnd(argv).then(() => true, () => false);
}
