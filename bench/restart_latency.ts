/**
 * Claim: a killed process is back as soon as a bare Deno program could have it back.
 * From just before the SIGKILL to the first instruction of the next instance, by one C probe
 * with one clock on both sides; the two sides take turns, so that noise meets both.
 */
import type { Config, ProcessConfig } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { median, quantile, spreadOf } from "./support/stats.ts";
import { denoProgram, runProbe, stop, Workshop } from "./support/workshop.ts";

export const name = "restart_latency";

const TURNS = 5;
const ROUNDS = 40;
/** Above `resetAfter`: every kill meets a process that counts as healthy again. */
const SETTLE_MS = 150;
const RESET_AFTER = "100ms";
const FRESH_CREWS = 10;
const YOUNG_MS = 200;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const stamp = await workshop.compile("stamp");
  const probe = await workshop.compile("restart_probe");
  const one = await takeTurns(workshop, { stamp, probe, count: 1 });
  const ten = await takeTurns(workshop, { stamp, probe, count: 10 });
  const young = await killYoung(workshop, stamp, probe);
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

async function takeTurns(workshop: Workshop, tools: Tools) {
  const cox: number[] = [];
  const bare: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const id = `${tools.count}-${turn}`;
    const coxFifo = await workshop.makeFifo(`cox-${id}`);
    const measured = probeRounds(tools, coxFifo, ROUNDS, SETTLE_MS);
    {
      await using _crew = await BenchCrew.start(workshop, `crew-${id}`, crewOf(tools, coxFifo));
      cox.push(...await measured);
    }
    const bareFifo = await workshop.makeFifo(`bare-${id}`);
    const counted = probeRounds(tools, bareFifo, ROUNDS, SETTLE_MS);
    const loop = workshop.start(
      denoProgram("bare_loop.ts", String(tools.count), tools.stamp, bareFifo),
    );
    bare.push(...await counted);
    await stop(loop);
  }
  return { cox, bare };
}

/** Each crew and each loop gives one sample: only its first restart is the first. */
async function killYoung(workshop: Workshop, stamp: string, probe: string) {
  const cox: number[] = [];
  const bare: number[] = [];
  const tools = { stamp, probe, count: 1 };
  for (let turn = 0; turn < FRESH_CREWS; turn++) {
    const coxFifo = await workshop.makeFifo(`young-cox-${turn}`);
    const measured = probeRounds(tools, coxFifo, 1, YOUNG_MS);
    {
      // The defaults: ten seconds of health before a restart is immediate again.
      const config = configOf({ young: { run: { kind: "command", argv: [stamp, coxFifo] } } });
      await using _crew = await BenchCrew.start(workshop, `young-crew-${turn}`, config);
      cox.push(...await measured);
    }
    const bareFifo = await workshop.makeFifo(`young-bare-${turn}`);
    const counted = probeRounds(tools, bareFifo, 1, YOUNG_MS);
    const loop = workshop.start(denoProgram("bare_loop.ts", "1", stamp, bareFifo));
    bare.push(...await counted);
    await stop(loop);
  }
  return { cox, bare };
}

function probeRounds(tools: Tools, fifo: string, rounds: number, settleMs: number) {
  return runProbe([tools.probe, fifo, String(tools.count), String(rounds), String(settleMs)]);
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
