/**
 * Claim: a thousand contracts of 100 Hz are watched with at most 3% of a core. Their memory is stamped
 * by a C program as a thousand programs would stamp it; the watch sleeps and looks as the monitor's
 * thread does, and no contract is missed. Its baseline wakes as often and looks at nothing.
 *
 * ```
 *  C: 100,000 passes, or signs, a second ──► memory ◄── watch: sleep, run, sleep …
 * ```
 */
import { CycleJudge } from "../src/deadline/cycle_judge.ts";
import { CycleSource, PulseSigns, pulseViews } from "../src/deadline/pulse_source.ts";
import {
  pulseBytes,
  type PulseLineShape,
  pulsePlace,
  writePulse,
} from "../src/deadline/pulse_layout.ts";
import { SilenceJudge } from "../src/deadline/silence_judge.ts";
import { Watch } from "../src/deadline/watch.ts";
import { openFutex, wordPointer } from "../src/os/futex.ts";
import { createSharedMemory } from "../src/os/shared_memory.ts";
import { cycleLine, HEARTBEAT } from "../tests/support/pulse_memory.ts";
import { cycle, heartbeat, MS } from "../tests/unit/deadline/support.ts";
import { makeRow, type Row } from "./row.ts";
import { median } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "deadline_watch";

const CONTRACTS = 1000;
const PERIOD_NS = 10 * MS;
const WARM_UP_NS = 1000 * MS;
const MEASURED_NS = 5000 * MS;
/** So short that what is allocated within one is seldom collected within it. */
const SLICE_NS = 25 * MS;
const SLICES = 41;

type Kind = "cycles" | "heartbeats";

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const stamper = await workshop.compile("pulse_stamper");
  const rows: Row[] = [];
  for (const kind of ["heartbeats", "cycles"] as const) {
    rows.push(await watchRow(workshop, stamper, kind));
  }
  return rows;
}

async function watchRow(workshop: Workshop, stamper: string, kind: Kind): Promise<Row> {
  const line: PulseLineShape = kind === "cycles" ? cycleLine("sample", PERIOD_NS) : HEARTBEAT;
  const lines = new Array<PulseLineShape>(CONTRACTS).fill(line);
  const memory = createSharedMemory("pulse", pulseBytes(lines));
  writePulse(memory.buffer, lines, 1);
  const path = `/proc/${Deno.pid}/fd/${memory.fd}`;
  const seconds = `${(WARM_UP_NS + 2 * MEASURED_NS + SLICES * SLICE_NS) / 1e9 + 2}`;
  const child = workshop.start([stamper, path, `${CONTRACTS}`, seconds], { stderr: "inherit" });
  const { watch, missed } = watchOver(memory.buffer, lines, kind);
  const { nowNs, wait } = openFutex();
  const word = wordPointer(memory.buffer, 0);
  const seen = new Int32Array(memory.buffer)[0]!;
  const sleepUntil = (atNs: number) => {
    const leftNs = atNs - nowNs();
    if (leftNs > 0) wait(word, seen, leftNs);
  };
  // The first signs have been given when it begins.
  sleepUntil(nowNs() + 100 * MS);
  for (let contract = 0; contract < CONTRACTS; contract++) watch.arm(contract, nowNs());
  runUntil(nowNs() + WARM_UP_NS, () => watch.run(nowNs()), { nowNs, sleepUntil });
  const looksBefore = watch.looks;
  const watching = runUntil(nowNs() + MEASURED_NS, () => watch.run(nowNs()), { nowNs, sleepUntil });
  const looks = watch.looks - looksBefore;
  const heap = heapBytesPerLook(watch, { nowNs, sleepUntil });
  const everyNs = MEASURED_NS / watching.turns;
  const idle = runUntil(nowNs() + MEASURED_NS, () => nowNs() + everyNs, { nowNs, sleepUntil });
  child.kill("SIGKILL");
  await child.status;
  const perSecond = (count: number) => count / (MEASURED_NS / 1e9);
  if (missed() > 0) console.error(`${kind}: ${missed()} missed, on this machine at this load`);
  return makeRow({
    claim: `CPU of the watch over ${CONTRACTS} ${kind} of 100 Hz`,
    measured: watching.cpuNs / MEASURED_NS * 100,
    unit: "% of a core",
    baseline: { name: "as many wake-ups for nothing", value: idle.cpuNs / MEASURED_NS * 100 },
    target: { of: "measured", rule: "at most", value: 3 },
    spread: {
      wakeUpsPerSecond: perSecond(watching.turns),
      looksPerSecond: perSecond(looks),
      heapBytesPerLook: heap,
      nsPerLook: (watching.cpuNs - idle.cpuNs) / looks,
      missed: missed(),
    },
    runs: looks,
  });
}

function watchOver(
  buffer: ArrayBuffer,
  lines: readonly PulseLineShape[],
  kind: Kind,
): { watch: Watch; missed: () => number } {
  let count = 0;
  const watch = new Watch(lines.length, {
    tell: (verdict) => count += verdict.count,
    recovered: () => {},
    absent: ({ kind }) => console.error(`the watch was ${kind}`),
    isExcused: () => false,
    starvedNs: () => 0,
  });
  const views = pulseViews(buffer);
  lines.forEach((_, index) => {
    const place = pulsePlace(lines, index);
    watch.add(
      kind === "cycles"
        ? new CycleJudge(
          index,
          cycle({ periodNs: PERIOD_NS, budgetNs: 5 * MS, latenessNs: 5 * MS }),
          new CycleSource(views, place),
          watch.court,
        )
        : new SilenceJudge(
          index,
          heartbeat({ missNs: 3 * PERIOD_NS }),
          new PulseSigns(views, place),
          watch.court,
        ),
    );
  });
  return { watch, missed: () => count };
}

/** The median of many slices: a collection makes those that it falls into worthless, and no others. */
function heapBytesPerLook(
  watch: Watch,
  clock: { nowNs: () => number; sleepUntil: (atNs: number) => void },
): number {
  const found = Array.from({ length: SLICES }, () => {
    const [looks, bytes] = [watch.looks, Deno.memoryUsage().heapUsed];
    runUntil(clock.nowNs() + SLICE_NS, () => watch.run(clock.nowNs()), clock);
    return (Deno.memoryUsage().heapUsed - bytes) / (watch.looks - looks);
  });
  return median(found);
}

/** Turns and sleeps, on this thread. */
function runUntil(
  endNs: number,
  turn: () => number,
  { nowNs, sleepUntil }: { nowNs: () => number; sleepUntil: (atNs: number) => void },
): { turns: number; cpuNs: number } {
  const before = threadCpuNs();
  let turns = 0;
  while (nowNs() < endNs) {
    turns++;
    sleepUntil(turn());
  }
  return { turns, cpuNs: threadCpuNs() - before };
}

/** Time on a CPU of this thread, which is the first number there. */
function threadCpuNs(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]);
}
