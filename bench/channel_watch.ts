/**
 * Claim: to measure a hundred pipes ten times a second costs the supervisor under 1% of a core,
 * whether `stall` rules do it or somebody watches; and nothing while nobody does. A hundred pipes
 * between two programs, each with something in it every 10 ms, against the same crew unwatched.
 */
import { connectControl } from "../src/control/client.ts";
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { threadUse, usedBetween } from "./support/procfs.ts";
import { spreadOf } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "channel_watch";

const PIPES = 100;
/** Ports other than the three streams are numbered from here. */
const FIRST_FD = 4;
const LOOKS_PER_SECOND = 10;
/** A rule looks four times within its time. */
const RULE = { after: "400ms", action: "event" } as const;
/** The runtime's threads end, and V8 has packed its heap, before we begin. */
const SETTLE_MS = 15_000;
const WINDOW_MS = 5000;
const WINDOWS = 4;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const program = await workshop.compile("many_pipes");
  const plain = await measure(workshop, "plain", crewOf(program, false), false);
  const ruled = await measure(workshop, "ruled", crewOf(program, true), false);
  const watched = await measure(workshop, "watched", crewOf(program, false), true);
  const row = (claim: string, values: readonly number[]) =>
    makeRow({
      claim,
      measured: middle(values),
      unit: "% of a core",
      baseline: { name: "unwatched", value: Math.max(middle(plain), 0.001) },
      target: { of: "measured", rule: "at most", value: 1 },
      spread: spreadOf(values),
      runs: values.length,
    });
  return [
    row(`CPU time of the supervisor with ${PIPES} stall rules that look 10 times a second`, ruled),
    row(`CPU time of the supervisor while ${PIPES} pipes are watched 10 times a second`, watched),
  ];
}

/** Per cent of a core that the supervisor takes, window by window. */
async function measure(
  workshop: Workshop,
  name: string,
  config: Config,
  isWatched: boolean,
): Promise<number[]> {
  await using crew = await BenchCrew.start(workshop, name, config);
  const { supervisorPid } = await crew.until(
    "both run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  const stop = new AbortController();
  const path = `${workshop.folder}/${name}/run/control.sock`;
  const watching = isWatched ? watch(path, stop.signal) : Promise.resolve(0);
  await delay(SETTLE_MS);
  const percents: number[] = [];
  for (let window = 0; window < WINDOWS; window++) {
    const before = threadUse(supervisorPid);
    const startMs = performance.now();
    await delay(WINDOW_MS);
    const elapsedMs = performance.now() - startMs;
    const { cpuNs } = usedBetween(before, threadUse(supervisorPid));
    percents.push(cpuNs / (elapsedMs * 1e6) * 100);
  }
  stop.abort();
  const looks = await watching;
  if (isWatched && looks < LOOKS_PER_SECOND * WINDOW_MS * WINDOWS / 1000 * 0.9) {
    throw new Error(`Only ${looks} looks: the watcher did not keep up`);
  }
  return percents;
}

/** As `cox channels --watch` does. @returns how often it looked. */
async function watch(path: string, stop: AbortSignal): Promise<number> {
  using client = await connectControl(path);
  let looks = 0;
  for (let dueMs = performance.now(); !stop.aborted; dueMs += 1000 / LOOKS_PER_SECOND) {
    const { channels } = await client.call("channels", {});
    if (channels.length !== PIPES) throw new Error(`${channels.length} channels`);
    looks++;
    await delay(Math.max(0, dueMs + 1000 / LOOKS_PER_SECOND - performance.now()));
  }
  return looks;
}

function crewOf(program: string, hasRules: boolean): Config {
  const process = (what: string) => ({
    run: {
      kind: "command",
      argv: [program, what, `${FIRST_FD}`, `${PIPES}`],
    } as const,
  });
  const pipes = Array.from({ length: PIPES }, (_, index) =>
    [`pipe-${index}`, {
      kind: "pipe",
      from: `source.p${index}`,
      to: `sink.p${index}`,
      ...(hasRules ? { stall: RULE } : {}),
    }] as const);
  return {
    name: "pipes",
    processes: { source: process("write"), sink: process("read") },
    channels: Object.fromEntries(pipes),
  };
}

function middle(values: readonly number[]): number {
  return spreadOf(values)["p50"]!;
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
