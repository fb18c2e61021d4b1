/**
 * Claim: a missed time contract is acted on within a millisecond of its due time, and within three
 * on a machine whose cores are all taken. Measured from outside: a C program that is supervised
 * keeps a heartbeat, falls silent on purpose, and stamps the signal that the contract asks for.
 *
 * ```
 *   sign … sign ──── silence ────┬ due ──────────────┬ SIGUSR1 received
 *    (pulse memory, WATCHDOG=1)  └──── lateness ─────┘   both by the program's own clock
 * ```
 *
 * Baselines in the same run: the same program under a stand-in in C that sleeps until the due time
 * and does nothing else, side by side; bare timers (clock_nanosleep, and cyclictest where it is
 * installed); and a stand-in that looks once a second, as supervisors do.
 */
import type { Config, ProcessConfig } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import type { BenchCrew } from "./support/crew.ts";
import { refusesFifo } from "./support/fifo.ts";
import { Load } from "./support/load.ts";
import { threadPolicies } from "./support/procfs.ts";
import {
  runSilentCrew,
  runStandIn,
  type SignsBy,
  type SilenceOrder,
  type Silences,
  silentCrew,
  timesOf,
  together,
} from "./support/silence.ts";
import { quantile } from "./support/stats.ts";
import { measureTimers, type Timers } from "./support/timers.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "deadline_lateness";

const ORDER = { limitMs: 5, rounds: 1000, count: 1 } as const;
/** Each silence takes a second there: with so many at once it is over in some. */
const POLLED: SilenceOrder = { by: "pulse", limitMs: 5, rounds: 2, count: 50 };
const POLL_MS = 1000;
/** Die at once, again and again: each is a turn of the control loop or two, a spawn, an exit. */
const STORM_PROCESSES = 4;
const FIFO = { policy: "fifo", priority: 50 } as const;
/** The same of a stand-in and its program. */
const CHRT = ["chrt", "--fifo", `${FIFO.priority}`];
/** sched.h. */
const SCHED_FIFO = 1;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const bench = new LatenessBench(workshop, {
    probe: await workshop.compile("silent_probe"),
    standIn: await workshop.compile("watch_stand_in"),
    timer: await workshop.compile("timer_probe"),
  });
  const idle = await bench.sideBySide("idle", { by: "pulse" });
  const notified = await bench.sideBySide("notified", { by: "notify" });
  const rows = [
    bench.row("median, idle", idle, { p: 0.5, atMostMs: 0.3 }),
    bench.row("p99, idle", idle, { p: 0.99, atMostMs: 1 }),
    bench.row("p99, idle, signs by WATCHDOG=1", notified, { p: 0.99, atMostMs: 1 }),
    await bench.polledRow(idle),
  ];
  await using _load = new Load(workshop, await workshop.compile("burn"));
  const loaded = await bench.sideBySide("loaded", { by: "pulse", storm: true });
  rows.push(bench.row("p99, cores taken, restart storm", loaded, { p: 0.99, atMostMs: 3 }));
  if (await refusesFifo(FIFO.priority)) return rows;
  const target = { p: 0.99, atMostMs: 1 };
  const stormy = { by: "pulse", storm: true } as const;
  const fifo = await bench.sideBySide("fifo", { ...stormy, fifo: "monitor" });
  rows.push(bench.row("p99, cores taken, restart storm, monitor by FIFO", fifo, target));
  const both = await bench.sideBySide("both", { ...stormy, fifo: "both" });
  rows.push(bench.row("p99, the same, and the program by FIFO as well", both, target));
  return rows;
}

interface Tools {
  readonly probe: string;
  readonly standIn: string;
  readonly timer: string;
}

/** One kind of crew, and what else was measured at the same time or right after. */
interface Measured {
  readonly cox: Silences;
  readonly standIn: Silences;
  readonly timers: Timers;
}

interface Kind {
  readonly by: SignsBy;
  /** The control loop is kept busy. */
  readonly storm?: boolean;
  /** Who goes before those that take the cores; both: the program that is watched as well. */
  readonly fifo?: "monitor" | "both";
}

class LatenessBench {
  readonly #workshop: Workshop;
  readonly #tools: Tools;

  constructor(workshop: Workshop, tools: Tools) {
    this.#workshop = workshop;
    this.#tools = tools;
  }

  async sideBySide(name: string, { by, storm = false, fifo }: Kind): Promise<Measured> {
    const order = { ...ORDER, by };
    const more: Pick<Config, "supervisor" | "processes"> = {
      processes: storm ? stormProcesses() : {},
      ...(fifo === undefined ? {} : { supervisor: { scheduling: FIFO } }),
    };
    const both = fifo === "both";
    const program = both ? { scheduling: FIFO } : {};
    const configOf = (folder: string) =>
      silentCrew(this.#tools.probe, folder, order, more, program);
    const check = fifo === undefined ? () => Promise.resolve() : hasFifo;
    const [cox, standIn] = await Promise.all([
      runSilentCrew(this.#workshop, name, configOf, order, check),
      runStandIn(this.#workshop, this.#tools, 0, { ...ORDER, by: "pulse" }, both ? CHRT : []),
    ]);
    return { cox: cox[0]!, standIn: standIn[0]!, timers: await measureTimers(this.#tools.timer) };
  }

  row(
    what: string,
    { cox, standIn, timers }: Measured,
    { p, atMostMs }: { readonly p: number; readonly atMostMs: number },
  ): Row {
    const { bare, cyclictest } = timers;
    return makeRow({
      claim: `from a heartbeat's due time to the signal received, ${what}`,
      measured: quantile(cox.latenessMs, p),
      unit: "ms",
      baseline: {
        name: "C that sleeps until it is due",
        value: quantile(standIn.latenessMs, p),
      },
      target: { of: "measured", rule: "at most", value: atMostMs },
      spread: {
        ...timesOf(cox.latenessMs),
        timerP50: quantile(bare, 0.5),
        timerP99: quantile(bare, 0.99),
        ...(cyclictest === null ? {} : { cyclictestP99: quantile(cyclictest, 0.99) }),
        lost: cox.lost,
        stray: cox.stray,
      },
      runs: cox.latenessMs.length,
    });
  }

  /** For contrast. */
  async polledRow({ cox }: Measured): Promise<Row> {
    const polled = await runStandIn(this.#workshop, this.#tools, POLL_MS, POLLED);
    const { latenessMs } = polled.reduce(together);
    return makeRow({
      claim: "the same by a stand-in that looks once a second, median",
      measured: quantile(latenessMs, 0.5),
      unit: "ms",
      baseline: { name: "cox", value: quantile(cox.latenessMs, 0.5) },
      target: null,
      spread: timesOf(latenessMs),
      runs: latenessMs.length,
    });
  }
}

function stormProcesses(): Record<string, ProcessConfig> {
  const process: ProcessConfig = {
    run: { kind: "command", argv: ["false"] },
    restart: { policy: "permanent", backoff: { initial: "1ms", factor: 1, max: "1ms" } },
  };
  const names = Array.from({ length: STORM_PROCESSES }, (_, number) => `storm-${number}`);
  return Object.fromEntries(names.map((name) => [name, process]));
}

/** @throws {Error} when no thread of the supervisor has it: the row would claim too much */
async function hasFifo(crew: BenchCrew): Promise<void> {
  const { supervisorPid } = await crew.snapshot();
  if (threadPolicies(supervisorPid).some(({ policy }) => policy === SCHED_FIFO)) return;
  throw new Error(`No thread of the supervisor is scheduled by FIFO`);
}
