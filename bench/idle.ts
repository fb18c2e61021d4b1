/**
 * Claim: an idle crew costs next to nothing. Memory (PSS), wake-ups (context switches) and CPU
 * time of everything that is cox's own, with ten children that sleep, against a Deno process
 * that only waits and against pm2 with the same ten in the same run.
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { pssBytes, threadUse, usedBetween } from "./support/procfs.ts";
import { denoProgram, runToEnd, Workshop } from "./support/workshop.ts";

export const name = "idle";

const CHILDREN = 10;
/**
 * The runtime keeps blocking threads for ten seconds after their last use, and V8 looks at its
 * heap once more half a minute after it was packed: 20 ms, and then never again.
 */
const SETTLE_MS = 45_000;
const WINDOW_MS = 60_000;
const MIB = 2 ** 20;

interface Usage {
  readonly pssBytes: number;
  readonly wakeUpsPerSecond: number;
  /** Per cent of one core. */
  readonly cpuPercent: number;
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const bare = workshop.start(denoProgram("idle.ts"));
  await using crew = await BenchCrew.start(workshop, "crew", sleepers());
  const snapshot = await crew.until(
    "all run",
    ({ processes }) =>
      Object.values(processes).filter(({ state }) => state === "running").length === CHILDREN,
  );
  const pm2Pid = await startPm2(workshop);
  const systemPids = Object.values(snapshot.system).flatMap(({ pid }) => pid ?? []);
  const pids = { bare: bare.pid, supervisor: snapshot.supervisorPid, guard: snapshot.guardPid };
  await delay(SETTLE_MS);
  const [bareUse, supervisor, guard, pm2, ...system] = await observe(
    [pids.bare, pids.supervisor, pids.guard, pm2Pid, ...systemPids],
  );
  await runToEnd([...pm2Command(workshop), "kill"], pm2Options(workshop));
  return toRows({
    bare: bareUse!,
    supervisor: supervisor!,
    guard: guard!,
    pm2: pm2!,
    systemPssBytes: system.reduce((sum, use) => sum + use.pssBytes, 0),
    whole: [supervisor!, guard!, ...system],
  });
}

interface Uses {
  readonly bare: Usage;
  readonly supervisor: Usage;
  readonly guard: Usage;
  readonly pm2: Usage;
  readonly systemPssBytes: number;
  readonly whole: readonly Usage[];
}

function toRows({ bare, supervisor, guard, pm2, systemPssBytes, whole }: Uses): Row[] {
  const sum = (of: (use: Usage) => number) => whole.reduce((total, use) => total + of(use), 0);
  const parts = {
    supervisor: supervisor.pssBytes / MIB,
    guard: guard.pssBytes / MIB,
    system: systemPssBytes / MIB,
  };
  return [
    makeRow({
      claim: "memory (PSS) of the idle supervisor with ten children",
      measured: supervisor.pssBytes / MIB,
      unit: "MiB",
      baseline: { name: "idle Deno process", value: bare.pssBytes / MIB },
      target: { of: "ratio", rule: "at most", value: 1.6 },
      spread: parts,
      runs: 1,
    }),
    makeRow({
      claim: "memory (PSS) of supervisor, guard and system processes together",
      measured: sum((use) => use.pssBytes) / MIB,
      unit: "MiB",
      baseline: { name: "pm2's daemon with the same ten", value: pm2.pssBytes / MIB },
      target: { of: "ratio", rule: "at most", value: 1 },
      spread: parts,
      runs: 1,
    }),
    makeRow({
      claim: "wake-ups (context switches) of all of cox, idle",
      measured: sum((use) => use.wakeUpsPerSecond),
      unit: "a second",
      baseline: { name: "pm2's daemon", value: pm2.wakeUpsPerSecond },
      target: { of: "measured", rule: "at most", value: 2 },
      spread: { supervisor: supervisor.wakeUpsPerSecond, bareDeno: bare.wakeUpsPerSecond },
      runs: 1,
    }),
    makeRow({
      claim: "CPU time of all of cox, idle",
      measured: sum((use) => use.cpuPercent),
      unit: "% of a core",
      baseline: { name: "pm2's daemon", value: pm2.cpuPercent },
      target: { of: "measured", rule: "at most", value: 0.1 },
      spread: { supervisor: supervisor.cpuPercent, bareDeno: bare.cpuPercent },
      runs: 1,
    }),
  ];
}

/** All at the same time, over one window. */
async function observe(pids: readonly number[]): Promise<Usage[]> {
  const before = pids.map(threadUse);
  const startMs = performance.now();
  await delay(WINDOW_MS);
  const elapsedMs = performance.now() - startMs;
  const used = pids.map((pid, index) => usedBetween(before[index]!, threadUse(pid)));
  return pids.map((pid, index) => ({
    wakeUpsPerSecond: used[index]!.switches / (elapsedMs / 1000),
    cpuPercent: used[index]!.cpuNs / (elapsedMs * 1e6) * 100,
    // Last: to read it costs the process nothing, but the machine some.
    pssBytes: pssBytes(pid),
  }));
}

function sleepers(): Config {
  const names = Array.from({ length: CHILDREN }, (_, index) => `sleeper-${index}`);
  const process = { run: { kind: "command", argv: ["sleep", "1000000"] } } as const;
  return { name: "idle", processes: Object.fromEntries(names.map((name) => [name, process])) };
}

/** Installs pm2 into the workshop and has it run the same ten; returns its daemon's pid. */
async function startPm2(workshop: Workshop): Promise<number> {
  await workshop.write("package.json", "{}");
  await runToEnd(["npm", "install", "--no-audit", "--no-fund", "pm2@6"], { cwd: workshop.folder });
  for (let index = 0; index < CHILDREN; index++) {
    await runToEnd(
      [...pm2Command(workshop), "start", "sleep", "--name", `sleeper-${index}`, "--", "1000000"],
      pm2Options(workshop),
    );
  }
  return Number((await Deno.readTextFile(`${workshop.folder}/pm2/pm2.pid`)).trim());
}

function pm2Command(workshop: Workshop): string[] {
  return [`${workshop.folder}/node_modules/.bin/pm2`];
}

function pm2Options(workshop: Workshop) {
  return { env: { PM2_HOME: `${workshop.folder}/pm2` } };
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
