/**
 * Claims: a round trip through mailboxes costs at most twice what C pays that spins or parks on the
 * same memory, at most 3 µs where it spins and then parks, a twentieth of ZeroMQ's; waiting on the
 * event loop costs no more than a socket pair does; a sample's size does not matter when it is lent.
 * Two sealed Deno programs of one crew, bound to a core each; every sample has its sequence, stamps
 * and the crash safety. A trip is the time from one answer to the next.
 * With more spinners than cores the default soon parks: it costs at most twice that.
 *
 * ```
 *  core 0                                                 core 1
 *  ping ──NAME_there, keepAll, 4 slots──────────────────► echo
 *       ◄─────────────────keepAll, 4 slots, NAME_back────
 *       ◄──bare: a socket pair by node:net──────────────►
 * ```
 *
 * Baselines from the same run, bound in the same way: bench/programs/mailbox_ring.c, the mailbox by
 * our header for C, and beside it the barest ring that does not survive a kill; ZeroMQ over ipc://.
 * `loaded`: a busy loop on each of these cores takes turns with the programs.
 */
import type { ChannelConfig, Config, PipeConfig } from "../src/config/config.ts";
import type { Round } from "./programs/mailbox_trips.ts";
import { makeRow, type Row } from "./row.ts";
import { coxUp } from "./support/crew.ts";
import { quantile } from "./support/stats.ts";
import { programPath, runToEnd, Workshop } from "./support/workshop.ts";
import { compileZmq } from "./support/zmq.ts";

export const name = "mailbox_round_trip";

interface Kind extends Round {
  /** Of a mailbox. */
  readonly wait: "spin" | "park" | "spin-then-park";
  readonly sampleBytes: number;
}

const SMALL = { mode: "blocking", sampleBytes: 64, touched: 64 } as const;
const LARGE = { mode: "blocking", sampleBytes: 1 << 20, touched: 0 } as const;
const IDLE: readonly Kind[] = [
  { ...SMALL, name: "spin", wait: "spin", trips: 300_000 },
  { ...SMALL, name: "both", wait: "spin-then-park", trips: 300_000 },
  { ...LARGE, name: "large", wait: "spin-then-park", trips: 300_000 },
  { ...SMALL, name: "lent", wait: "spin-then-park", trips: 300_000, touched: 0 },
  { ...SMALL, name: "park", wait: "park", trips: 20_000 },
];
const LOADED: readonly Kind[] = [
  { ...SMALL, name: "both", wait: "spin-then-park", trips: 3000 },
  { ...SMALL, name: "park", wait: "park", trips: 3000 },
  ...inTurn(3000),
];

/** Odd: there is one in the middle. */
const LOOP_CREWS = 7;

/** More spinners than cores: both programs on one. */
const CROWDED: readonly Kind[] = [
  { ...SMALL, name: "both", wait: "spin-then-park", trips: 10_000 },
  { ...SMALL, name: "park", wait: "park", trips: 10_000 },
];

/** The event loop's mailbox and the socket pair, in turn: what a sleeping core takes to wake varies. */
function inTurn(trips: number): readonly Kind[] {
  const turns = 10;
  const common = { ...SMALL, wait: "spin-then-park", trips: trips / turns } as const;
  return Array.from({ length: turns }, () => [
    { ...common, name: "async", mode: "async" } as const,
    { ...common, name: "bare", mode: "bare" } as const,
  ]).flat();
}

/** Percentiles of single trips, nanoseconds, and the median of the means of a thousand. */
interface Trips {
  readonly p50: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
  readonly mean: number;
  readonly runs: number;
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const ring = await workshop.compile("mailbox_ring");
  const inC = async (kind: string, count: number, wait: string): Promise<Trips> => {
    const argv = [ring, "trips", kind, "64", `${count}`, wait];
    const [p50, p99, p999, max, mean] = (await runToEnd(argv)).trim().split(" ").map(Number);
    return { p50: p50!, p99: p99!, p999: p999!, max: max!, mean: mean!, runs: count };
  };
  const spinning = await inC("cox", 300_000, "spin");
  const bare = await inC("bare", 300_000, "spin");
  const parked = await inC("cox", 20_000, "park");
  const idle = await conversation(workshop, "idle", IDLE);
  const { async, bare: pair } = await onTheLoop(workshop);
  const crowded = await conversation(workshop, "crowded", CROWDED, [0, 0]);
  const zmq = await zmqTrip(workshop);
  using _load = busyLoops(workshop);
  const loaded = await conversation(workshop, "loaded", LOADED);
  const row = (claim: string, trips: Trips, more: Partial<Row>) => tripRow(claim, trips, more);
  const atMost = (value: number, of: "ratio" | "measured" = "ratio") =>
    ({ of, rule: "at most", value }) as const;
  return [
    row("64 bytes there and back through mailboxes, spinning", idle.spin!, {
      baseline: { name: "C, the same mailbox", value: us(spinning.p50) },
      target: atMost(2),
    }),
    row("the same, beside a ring without stamps and crash safety", idle.spin!, {
      baseline: { name: "C, a bare ring", value: us(bare.p50) },
    }),
    row("the same, parked on a futex each time", idle.park!, {
      baseline: { name: "C, the same mailbox", value: us(parked.p50) },
      target: atMost(2),
    }),
    row("the same, spinning and then parked (the default)", idle.both!, {
      target: atMost(3, "measured"),
    }),
    row("the same, waiting on the event loop", async!, {
      baseline: { name: "socket pair by node:net", value: us(pair!.p50) },
      target: atMost(1.25),
    }),
    row("1 MiB lent there and back, untouched", idle.large!, {
      baseline: { name: "64 bytes lent", value: us(idle.lent!.p50) },
      target: atMost(3),
    }),
    ...zmq === null ? [] : [
      row("64 bytes there and back, the default, beside two C programs over ZeroMQ", idle.both!, {
        baseline: { name: "ZeroMQ ipc://, C", value: zmq },
        target: atMost(1 / 20),
      }),
    ],
    row("the default with both programs on one core", crowded.both!, {
      baseline: { name: "parked each time", value: us(crowded.park!.p50) },
      target: atMost(2),
    }),
    row("the default with a busy loop on either core", loaded.both!, {}),
    row("parked with a busy loop on either core", loaded.park!, {}),
    row("on the event loop with a busy loop on either core", loaded.async!, {
      baseline: { name: "socket pair by node:net", value: us(loaded.bare!.p50) },
    }),
  ];
}

const us = (ns: number) => ns / 1000;

function tripRow(claim: string, trips: Trips, more: Partial<Row>): Row {
  const { p50, p99, p999, max, mean, runs } = trips;
  return makeRow({
    claim: `${claim}, median`,
    measured: us(p50),
    unit: "µs",
    baseline: null,
    target: null,
    spread: { p50: us(p50), p99: us(p99), "p99.9": us(p999), max: us(max), mean: us(mean) },
    runs,
    ...more,
  });
}

/**
 * Of several crews the one in the middle, by how much the mailbox costs of the pair. In some each end
 * of the pair is still at work on the last message when the next comes, and none of them ever sleeps:
 * 22 µs a trip in place of 59.
 */
async function onTheLoop(workshop: Workshop): Promise<Record<string, Trips>> {
  const crews: Record<string, Trips>[] = [];
  for (let crew = 0; crew < LOOP_CREWS; crew++) {
    crews.push(await conversation(workshop, `loop-${crew}`, inTurn(5000)));
  }
  const ratio = (crew: Record<string, Trips>) => crew["async"]!.p50 / crew["bare"]!.p50;
  return crews.sort((one, other) => ratio(one) - ratio(other))[LOOP_CREWS >> 1]!;
}

/** Runs a crew; by name of the round. */
async function conversation(
  workshop: Workshop,
  crew: string,
  kinds: readonly Kind[],
  [pingCore, echoCore]: readonly [number, number] = [0, 1],
): Promise<Record<string, Trips>> {
  const results = `${workshop.folder}/${crew}_results`;
  await Deno.mkdir(results);
  const file = `${results}/times.json`;
  const rounds = JSON.stringify(
    kinds.map(({ name, mode, trips, touched }): Round => ({ name, mode, trips, touched })),
  );
  const channels: Record<string, ChannelConfig | PipeConfig> = {};
  for (const { name, mode, wait, sampleBytes } of kinds) {
    if (mode === "bare") {
      channels[name] = { kind: "pair", between: [`ping.${name}`, `echo.${name}`] };
    }
    if (mode === "bare") continue;
    const common = { kind: "mailbox", sampleBytes: `${sampleBytes}B`, slots: 4, wait } as const;
    const kept = { ...common, history: "keepAll", resume: "where-it-was" } as const;
    channels[`${name}_there`] = { ...kept, from: `ping.${name}_out`, to: `echo.${name}_in` };
    channels[`${name}_back`] = { ...kept, from: `echo.${name}_out`, to: `ping.${name}_in` };
  }
  const path = programPath("mailbox_trips.ts");
  const config: Config = {
    name: crew,
    processes: {
      ping: {
        run: {
          kind: "deno",
          path,
          args: ["ping", rounds, file],
          permissions: { write: [results] },
        },
        restart: { policy: "temporary" },
        critical: true,
        scheduling: { cpus: [pingCore] },
      },
      echo: {
        run: { kind: "deno", path, args: ["echo", rounds] },
        restart: { policy: "temporary" },
        scheduling: { cpus: [echoCore] },
      },
    },
    channels,
  };
  await runToEnd(await coxUp(workshop, crew, config));
  const found = JSON.parse(await Deno.readTextFile(file)) as Record<string, number[]>;
  return Object.fromEntries(Object.entries(found).map(([name, times]) => [name, digest(times)]));
}

const BLOCK = 1000;

function digest(times: readonly number[]): Trips {
  const means: number[] = [];
  for (let at = 0; at + BLOCK <= times.length; at += BLOCK) {
    means.push(times.slice(at, at + BLOCK).reduce((a, b) => a + b) / BLOCK);
  }
  const [p50, p99, p999] = [0.5, 0.99, 0.999].map((p) => quantile(times, p));
  return {
    p50: p50!,
    p99: p99!,
    p999: p999!,
    max: quantile(times, 1),
    mean: quantile(means, 0.5),
    runs: times.length,
  };
}

/** @returns microseconds; null where libzmq is not installed */
async function zmqTrip(workshop: Workshop): Promise<number | null> {
  const program = await compileZmq(workshop, "zmq_round_trip");
  if (program === null) return null;
  const result = `${workshop.folder}/zmq.txt`;
  await runToEnd([program, `${workshop.folder}/zmq.sock`, result]);
  return Number(await Deno.readTextFile(result));
}

/** One on each of the two cores, until it is disposed. */
function busyLoops(workshop: Workshop): Disposable {
  const loops = ["0", "1"].map((core) =>
    workshop.start(["taskset", "-c", core, "sh", "-c", "while :; do :; done"])
  );
  return {
    [Symbol.dispose]() {
      for (const loop of loops) loop.kill("SIGKILL");
    },
  };
}
