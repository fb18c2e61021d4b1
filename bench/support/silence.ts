/**
 * Crews of programs that keep a heartbeat and fall silent on purpose, and what those programs have
 * seen themselves: by how much each signal came after its due time, and whether one came for each
 * silence and for nothing else. Must not know: what is claimed about it.
 */
import type { Config, ProcessConfig } from "../../src/config/config.ts";
import { BenchCrew } from "./crew.ts";
import { quantile } from "./stats.ts";
import { runToEnd, waitForFile, type Workshop } from "./workshop.ts";

/** What a program gives its signs by. */
export type SignsBy = "pulse" | "notify";

/** What each silent program is to do. */
export interface SilenceOrder {
  readonly by: SignsBy;
  readonly limitMs: number;
  /** Silences of each program. */
  readonly rounds: number;
  /** Programs. */
  readonly count: number;
}

/** What one or more of them have seen. */
export interface Silences {
  /** From the due time of each silence to its signal. */
  readonly latenessMs: readonly number[];
  /** Signals that were received. */
  readonly signals: number;
  /** Silences on purpose. */
  readonly silences: number;
  /** Silences that the machine made: the program was not run in time. */
  readonly own: number;
  /** Signals without a silence. */
  readonly stray: number;
  /** Silences on purpose without a signal. */
  readonly lost: number;
  /** Of its own without one; two that are sent before one is taken are one. */
  readonly unanswered: number;
}

/** It is the first argument, made of the folder's name and a number. */
const RESULT = "silences";

/** The config of a crew with so many of them, what else is in it, and what else each of them has. */
export function silentCrew(
  probe: string,
  folder: string,
  order: SilenceOrder,
  more: Pick<Config, "supervisor"> & { readonly processes?: Config["processes"] } = {},
  program: Pick<ProcessConfig, "scheduling"> = {},
): Config {
  const silent = (number: number): ProcessConfig => ({
    ...program,
    run: { kind: "command", argv: [probe, ...argumentsOf(folder, order, String(number))] },
    ready: { by: "notify", within: "30s" },
    restart: { policy: "temporary" },
    deadlines: {
      heartbeat: {
        by: order.by === "pulse" ? "client" : "notify",
        within: `${order.limitMs}ms`,
        miss: { signal: "SIGUSR1" },
      },
    },
  });
  const names = Array.from({ length: order.count }, (_, number) => number);
  return {
    name: "silence",
    ...more,
    processes: {
      ...more.processes,
      ...Object.fromEntries(names.map((number) => [`silent-${number}`, silent(number)])),
    },
  };
}

/** `silent_probe`'s arguments. */
export function argumentsOf(folder: string, order: SilenceOrder, number: string): string[] {
  const { limitMs, rounds, by } = order;
  return [`${folder}/${RESULT}-${number}`, `${limitMs * 1000}`, `${rounds}`, number, by];
}

/**
 * Runs such a crew until all of its programs have told what they saw.
 *
 * @param look is called while they are at work.
 * @returns by number of the program.
 */
export async function runSilentCrew(
  workshop: Workshop,
  name: string,
  config: (folder: string) => Config,
  order: SilenceOrder,
  look: (crew: BenchCrew) => Promise<void> = () => Promise.resolve(),
): Promise<Silences[]> {
  const folder = `${workshop.folder}/${name}-results`;
  await Deno.mkdir(folder);
  await using crew = await BenchCrew.start(workshop, name, config(folder));
  await look(crew);
  return await readSilences(folder, order.count);
}

/**
 * The same under a stand-in for a supervisor that does nothing else; see watch_stand_in.c.
 *
 * @param front what it and its programs are started by. @default nothing
 */
export async function runStandIn(
  workshop: Workshop,
  tools: { readonly standIn: string; readonly probe: string },
  pollMs: number,
  order: SilenceOrder,
  front: readonly string[] = [],
): Promise<Silences[]> {
  const folder = await Deno.makeTempDir({ dir: workshop.folder });
  const { limitMs, count } = order;
  const watch = [...front, tools.standIn, `${pollMs}`, `${limitMs * 1000}`, `${count}`];
  await runToEnd([...watch, tools.probe, ...argumentsOf(folder, order, "%")]);
  return await readSilences(folder, count);
}

/** Waits for the results of all. @throws {Error} when one does not come */
async function readSilences(folder: string, count: number): Promise<Silences[]> {
  const each: Silences[] = [];
  while (each.length < count) {
    each.push(silencesOf(await waitForFile(`${folder}/${RESULT}-${each.length}`)));
  }
  return each;
}

function silencesOf(text: string): Silences {
  const lines = text.trimEnd().split("\n");
  const counts = /^signals (\d+) silences (\d+) own (\d+) stray (\d+) lost (\d+) unanswered (\d+)$/
    .exec(
      lines.pop() ?? "",
    );
  if (counts === null) throw new Error(`Not the result of silent_probe: ${text.slice(-200)}`);
  const [signals, silences, own, stray, lost, unanswered] = counts.slice(1).map(Number);
  return {
    latenessMs: lines.map((ns) => Number(ns) / 1e6),
    signals: signals!,
    silences: silences!,
    own: own!,
    stray: stray!,
    lost: lost!,
    unanswered: unanswered!,
  };
}

/** All that two programs have seen. */
export function together(one: Silences, other: Silences): Silences {
  return {
    latenessMs: [...one.latenessMs, ...other.latenessMs],
    signals: one.signals + other.signals,
    silences: one.silences + other.silences,
    own: one.own + other.own,
    stray: one.stray + other.stray,
    lost: one.lost + other.lost,
    unanswered: one.unanswered + other.unanswered,
  };
}

/** What a row shows of times. */
export function timesOf(values: readonly number[]): Record<string, number> {
  return {
    p50: quantile(values, 0.5),
    p99: quantile(values, 0.99),
    p999: quantile(values, 0.999),
    max: quantile(values, 1),
  };
}
