/**
 * Claim: `cox up` has its crew running before anybody looks. From the exec of the front end to
 * the first instruction of the last process, by a C probe; 200 processes must cost per process
 * what 100 do.
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { coxUp } from "./support/crew.ts";
import { median, spreadOf } from "./support/stats.ts";
import { denoProgram, runProbe, Workshop } from "./support/workshop.ts";

export const name = "startup";

const RUNS = 9;
const LARGE_RUNS = 3;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const stamp = await workshop.compile("stamp");
  const probe = await workshop.compile("startup_probe");
  const ten: number[] = [];
  const bare: number[] = [];
  for (let turn = 0; turn < RUNS; turn++) {
    ten.push(await startCox(workshop, { stamp, probe }, `ten-${turn}`, 10));
    const fifo = await workshop.makeFifo(`bare-${turn}`);
    bare.push(
      ...await runProbe([probe, fifo, "10", ...denoProgram("bare_loop.ts", "10", stamp, fifo)]),
    );
  }
  const medians = new Map<number, number>();
  const large: number[] = [];
  for (const count of [50, 100, 200]) {
    const samples: number[] = [];
    for (let turn = 0; turn < LARGE_RUNS; turn++) {
      samples.push(await startCox(workshop, { stamp, probe }, `n${count}-${turn}`, count));
    }
    medians.set(count, median(samples));
    if (count === 200) large.push(...samples);
  }
  const perProcess = (from: number, to: number) =>
    (medians.get(to)! - medians.get(from)!) / (to - from);
  return [
    makeRow({
      claim: "`cox up` of ten processes, exec to the tenth running, median",
      measured: median(ten),
      unit: "ms",
      baseline: { name: "bare Deno spawning ten", value: median(bare) },
      target: { of: "measured", rule: "at most", value: 200 },
      spread: spreadOf(ten),
      runs: ten.length,
    }),
    makeRow({
      claim: "`cox up` of 200 processes, median",
      measured: median(large),
      unit: "ms",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 2000 },
      spread: spreadOf(large),
      runs: large.length,
    }),
    makeRow({
      claim: "cost of each process between 100 and 200 (linear)",
      measured: perProcess(100, 200),
      unit: "ms",
      baseline: { name: "between 50 and 100", value: perProcess(50, 100) },
      target: { of: "ratio", rule: "at most", value: 1.5 },
      spread: { at50: medians.get(50)!, at100: medians.get(100)!, at200: medians.get(200)! },
      runs: LARGE_RUNS * 3,
    }),
  ];
}

async function startCox(
  workshop: Workshop,
  tools: { readonly stamp: string; readonly probe: string },
  id: string,
  count: number,
): Promise<number> {
  const fifo = await workshop.makeFifo(`fifo-${id}`);
  const names = Array.from({ length: count }, (_, index) => `stamp-${index}`);
  const process = { run: { kind: "command", argv: [tools.stamp, fifo] } } as const;
  const config: Config = {
    name: "bench",
    processes: Object.fromEntries(names.map((name) => [name, process])),
  };
  const argv = await coxUp(workshop, id, config);
  const [elapsedMs] = await runProbe([tools.probe, fifo, String(count), ...argv]);
  return elapsedMs!;
}
