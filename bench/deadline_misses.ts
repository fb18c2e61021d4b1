/**
 * Claim: every miss is found, none is found twice, and nobody is blamed who kept his contract. Both
 * counted twice: by the supervisor's events, and by the supervised programs, which know their own
 * silences and the signals that they received.
 *
 * - A hundred programs fall silent a hundred times each, all at the same time.
 * - Two hundred programs give a sign a hundred times a second and are silent for no more than three
 *   periods; where the machine keeps one from running for longer, that is a miss of its own and is
 *   counted as such by the program. For a minute; with `COX_SOAK=1` for ten.
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { missesByProcess } from "./support/events.ts";
import { runSilentCrew, type Silences, silentCrew, timesOf, together } from "./support/silence.ts";
import { quantile } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "deadline_misses";

/** A limit that a hundred programs on two cores keep while they mean to. */
const SILENT = { by: "pulse", limitMs: 50, rounds: 100, count: 100 } as const;
const KEEPERS = 200;
const PERIOD_MS = 10;
const LIMIT_MS = 30;
const KEPT_S = Deno.env.get("COX_SOAK") === "1" ? 600 : 60;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  return [...await injected(workshop), await kept(workshop)];
}

async function injected(workshop: Workshop): Promise<Row[]> {
  const probe = await workshop.compile("silent_probe");
  let eventsPath = "";
  const configOf = (folder: string) => silentCrew(probe, folder, SILENT);
  const each = await runSilentCrew(workshop, "injected", configOf, SILENT, (crew) => {
    eventsPath = crew.eventsPath;
    return Promise.resolve();
  });
  const misses = await missesByProcess(eventsPath);
  const all = each.reduce(together);
  const told = (number: number) => misses.get(`silent-${number}`) ?? 0;
  const sum = (of: (silences: Silences, told: number) => number) =>
    each.reduce((total, silences, number) => total + of(silences, told(number)), 0);
  const spread = {
    signals: all.signals,
    events: sum((_, told) => told),
    own: all.own,
    unanswered: all.unanswered,
  };
  const row = (claim: string, measured: number) =>
    makeRow({
      claim: `of ${all.silences} silences in ${SILENT.count} programs, ${claim}`,
      measured,
      unit: "misses",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 0 },
      spread,
      runs: all.silences,
    });
  return [
    row("without a signal", all.lost),
    row("without an event", sum(({ silences }, told) => Math.max(0, silences - told))),
    row("signals for none", all.stray),
    row("events for none", sum(({ silences, own }, told) => Math.max(0, told - silences - own))),
    makeRow({
      claim: `due time to signal while ${SILENT.count} fall silent all the time, p99`,
      measured: quantile(all.latenessMs, 0.99),
      unit: "ms",
      baseline: null,
      target: null,
      spread: timesOf(all.latenessMs),
      runs: all.latenessMs.length,
    }),
  ];
}

async function kept(workshop: Workshop): Promise<Row> {
  const program = await workshop.compile("keeper");
  const folder = `${workshop.folder}/kept-results`;
  await Deno.mkdir(folder);
  const names = Array.from({ length: KEEPERS }, (_, number) => `keeper-${number}`);
  let eventsPath: string;
  {
    await using crew = await BenchCrew.start(workshop, "kept", keepers(program, folder, names));
    eventsPath = crew.eventsPath;
    await crew.until(
      "all keep their contracts",
      ({ processes }) => names.every((name) => processes[name]?.state === "running"),
    );
    await new Promise((resolve) => setTimeout(resolve, KEPT_S * 1000));
  }
  const misses = await missesByProcess(eventsPath);
  const results = await Promise.all(names.map((name) => keeperResult(`${folder}/${name}`)));
  const told = names.map((name) => misses.get(name) ?? 0);
  const falseMisses = results.map(({ own }, number) => Math.max(0, told[number]! - own));
  return makeRow({
    claim: `false misses in ${KEPT_S} s of ${KEEPERS} programs that give a sign every ` +
      `${PERIOD_MS} ms, within ${LIMIT_MS} ms`,
    measured: total(falseMisses),
    unit: "misses",
    baseline: null,
    target: { of: "measured", rule: "at most", value: 0 },
    spread: {
      told: total(told),
      own: total(results.map(({ own }) => own)),
      longestMs: Math.max(...results.map(({ longestNs }) => longestNs / 1e6)),
    },
    runs: total(results.map(({ signs }) => signs)),
  });
}

function keepers(program: string, folder: string, names: readonly string[]): Config {
  const periodUs = `${PERIOD_MS * 1000}`;
  const limitUs = `${LIMIT_MS * 1000}`;
  const keeper = (name: string) => ({
    run: { kind: "command", argv: [program, `${folder}/${name}`, limitUs, periodUs] },
    ready: { by: "notify", within: "60s" },
    deadlines: { heartbeat: { within: `${LIMIT_MS}ms`, miss: [] } },
  } as const);
  return {
    name: "kept",
    processes: Object.fromEntries(names.map((name) => [name, keeper(name)])),
  };
}

async function keeperResult(path: string) {
  const text = await Deno.readTextFile(path);
  const match = /^signs (\d+) own (\d+) longest (\d+)$/m.exec(text);
  if (match === null) throw new Error(`Not the result of keeper: ${text}`);
  const [signs, own, longestNs] = match.slice(1).map(Number);
  return { signs: signs!, own: own!, longestNs: longestNs! };
}

function total(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
