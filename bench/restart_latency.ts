/**
 * Claim: a killed process is back as soon as a bare Deno program could have it back.
 * From just before the SIGKILL to the first instruction of the next instance, by one C probe
 * with one clock. A crew and a bare loop run side by side and are killed in turn, a tenth of a
 * second apart, so that noise meets both.
 */
import type { Config, ProcessConfig } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { median, quantile, spreadOf } from "./support/stats.ts";
import { denoProgram, runToEnd, stop, Workshop } from "./support/workshop.ts";

export const name = "restart_latency";

const TURNS = 5;
const ROUNDS = 40;
/** Above `resetAfter`: every kill meets a process that counts as healthy again. */
const SETTLE_MS = 150;
const RESET_AFTER = "100ms";
const FRESH_CREWS = 40;
const YOUNG_MS = 200;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const stamp = await workshop.compile("stamp");
  const restartProbe = await workshop.compile("restart_probe");
  const one = await takeTurns(workshop, { stamp, probe: restartProbe, count: 1 });
  const ten = await takeTurns(workshop, { stamp, probe: restartProbe, count: 10 });
  const young = await killYoung(workshop, stamp, restartProbe);
  const bare = { name: "bare Deno spawn loop", value: median(one.bare) };
  return [
    makeRow({
      claim: "SIGKILL to the first instruction of the next instance, median",
      measured: median(one.cox),
      unit: "ms",
      baseline: bare,
      target: { of: "ratio", rule: "at most", value: 1.5 },
      spread: spreadOf(one.cox),
      runs: one.cox.length,
    }),
    makeRow({
      claim: "SIGKILL to the first instruction of the next instance, p95",
      measured: quantile(one.cox, 0.95),
      unit: "ms",
      baseline: { ...bare, value: quantile(one.bare, 0.95) },
      target: { of: "ratio", rule: "at most", value: 2 },
      spread: spreadOf(one.bare),
      runs: one.bare.length,
    }),
    makeRow({
      claim: "ten killed at once, all ten back, median",
      measured: median(ten.cox),
      unit: "ms",
      baseline: { name: "ten bare Deno spawn loops", value: median(ten.bare) },
      target: { of: "ratio", rule: "at most", value: 2 },
      spread: spreadOf(ten.cox),
      runs: ten.cox.length,
    }),
    makeRow({
      claim: "first restart in the life of a crew, child younger than a second, median",
      measured: median(young.cox),
      unit: "ms",
      baseline: { name: "first restart of a fresh bare loop", value: median(young.bare) },
      target: { of: "ratio", rule: "at most", value: 1.5 },
      spread: spreadOf(young.cox),
      runs: young.cox.length,
    }),
  ];
}

interface Tools {
  readonly stamp: string;
  readonly probe: string;
  readonly count: number;
}

/** Milliseconds. */
interface Sides {
  readonly cox: number[];
  readonly bare: number[];
}

/** Both sides live through the same time, each turn with a crew and a loop of its own. */
async function takeTurns(workshop: Workshop, tools: Tools): Promise<Sides> {
  const cox: number[] = [];
  const bare: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const id = `${tools.count}-${turn}`;
    const coxFifo = await workshop.makeFifo(`cox-${id}`);
    const bareFifo = await workshop.makeFifo(`bare-${id}`);
    const measured = probe(tools, ROUNDS, SETTLE_MS, [coxFifo, bareFifo]);
    await using _crew = await BenchCrew.start(workshop, `crew-${id}`, crewOf(tools, coxFifo));
    const loop = startLoop(workshop, tools, bareFifo);
    for (const [coxMs, bareMs] of await measured) {
      cox.push(coxMs!);
      bare.push(bareMs!);
    }
    await stop(loop);
  }
  return { cox, bare };
}

/** Each crew and each loop gives one sample, alone: only its first restart is the first. */
async function killYoung(workshop: Workshop, stamp: string, restartProbe: string): Promise<Sides> {
  const cox: number[] = [];
  const bare: number[] = [];
  const tools = { stamp, probe: restartProbe, count: 1 };
  for (let turn = 0; turn < FRESH_CREWS; turn++) {
    const coxFifo = await workshop.makeFifo(`young-cox-${turn}`);
    const measured = probe(tools, 1, YOUNG_MS, [coxFifo]);
    {
      // The defaults: ten seconds of health before a restart is immediate again.
      const config = configOf({ young: { run: { kind: "command", argv: [stamp, coxFifo] } } });
      await using _crew = await BenchCrew.start(workshop, `young-crew-${turn}`, config);
      cox.push(...(await measured).flat());
    }
    const bareFifo = await workshop.makeFifo(`young-bare-${turn}`);
    const counted = probe(tools, 1, YOUNG_MS, [bareFifo]);
    const loop = startLoop(workshop, tools, bareFifo);
    bare.push(...(await counted).flat());
    await stop(loop);
  }
  return { cox, bare };
}

/** @returns milliseconds: one list a round, one figure a FIFO. */
async function probe(
  tools: Tools,
  rounds: number,
  settleMs: number,
  fifos: readonly string[],
): Promise<number[][]> {
  const numbers = [tools.count, rounds, settleMs].map(String);
  const text = await runToEnd([tools.probe, ...numbers, ...fifos]);
  return text.trim().split("\n").map((line) => line.split(" ").map((ns) => Number(ns) / 1e6));
}

function startLoop(workshop: Workshop, { count, stamp }: Tools, fifo: string) {
  return workshop.start(denoProgram("bare_loop.ts", String(count), stamp, fifo));
}

function crewOf(tools: Tools, fifo: string): Config {
  const process: ProcessConfig = {
    run: { kind: "command", argv: [tools.stamp, fifo] },
    restart: { policy: "permanent", backoff: { resetAfter: RESET_AFTER } },
  };
  const names = Array.from({ length: tools.count }, (_, index) => `stamp-${index}`);
  return configOf(Object.fromEntries(names.map((name) => [name, process])));
}

function configOf(processes: Config["processes"]): Config {
  return { name: "bench", processes };
}
