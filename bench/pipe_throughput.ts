/**
 * Claim: a pipe between two children is the kernel's own, with nothing in between. 4 GB from one
 * C program to another, over cox's pipe and over the shell's, both of 64 KiB, taking turns and the
 * lead in each pair. The source waits before its first byte, from which the time runs: what a
 * start costs is measured elsewhere, and two cores are what the two programs need. The shell's
 * two have a session each, as cox's have: the scheduler shares out cores by session (sched(7)).
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew, coxUp } from "./support/crew.ts";
import { threadUse, usedBetween } from "./support/procfs.ts";
import { median } from "./support/stats.ts";
import { runToEnd, Workshop } from "./support/workshop.ts";

export const name = "pipe_throughput";

const TURNS = 9;
const BYTES = 4e9;
const SHARE_BYTES = 12e9;
const PIPE_BYTES = 65536;
const DELAY_MS = 1500;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const source = await workshop.compile("pipe_source");
  const sink = await workshop.compile("pipe_sink");
  const cox: number[] = [];
  const shell: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const sides = [
      async () => cox.push(await throughCox(workshop, turn, source, sink)),
      async () => shell.push(await throughShell(workshop, turn, source, sink)),
    ];
    for (const side of turn % 2 === 0 ? sides : sides.toReversed()) await side();
  }
  const share = await supervisorShare(workshop, source, sink);
  return [
    makeRow({
      claim: "CPU time of the supervisor while a pipe carries 12 GB",
      measured: share.percent,
      unit: "% of a core",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 1 },
      spread: { seconds: share.seconds },
      runs: 1,
    }),
    makeRow({
      claim: "4 GB through a pipe between two children, median",
      measured: median(cox),
      unit: "GB/s",
      baseline: { name: "the same pipe by the shell", value: median(shell) },
      target: { of: "ratio", rule: "at least", value: 0.95 },
      spread: { min: Math.min(...cox), max: Math.max(...cox), shellMin: Math.min(...shell) },
      runs: TURNS,
    }),
  ];
}

/** @returns GB a second. */
async function throughCox(workshop: Workshop, turn: number, source: string, sink: string) {
  const result = `${workshop.folder}/cox-${turn}.txt`;
  await runToEnd(await coxUp(workshop, `crew-${turn}`, pipeline(source, sink, result)));
  return await readResult(result);
}

/** CPU time of the supervisor from before the first byte to after the last. */
async function supervisorShare(workshop: Workshop, source: string, sink: string) {
  const result = `${workshop.folder}/share.txt`;
  const config = pipeline(source, sink, result, SHARE_BYTES);
  await using crew = await BenchCrew.start(workshop, "share", {
    ...config,
    processes: {
      ...config.processes,
      // The crew stays when the two are done: its supervisor is looked at then.
      idle: { run: { kind: "command", argv: ["sleep", "600"] } },
    },
  });
  const { supervisorPid } = await crew.until(
    "both run",
    ({ processes }) => processes["source"]?.pid !== null && processes["sink"]?.pid !== null,
  );
  // The start itself is over before the source begins.
  await new Promise((resolve) => setTimeout(resolve, DELAY_MS / 2));
  const before = threadUse(supervisorPid);
  const fromMs = performance.now();
  // To ask the supervisor would be what is measured.
  while (((await Deno.stat(result).catch(() => null))?.size ?? 0) === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const ms = performance.now() - fromMs;
  const { cpuNs } = usedBetween(before, threadUse(supervisorPid));
  await readResult(result, SHARE_BYTES);
  return { percent: cpuNs / 1e4 / ms, seconds: ms / 1000 };
}

/** @returns GB a second. */
async function throughShell(workshop: Workshop, turn: number, source: string, sink: string) {
  const result = `${workshop.folder}/shell-${turn}.txt`;
  const words = [source, String(BYTES), String(DELAY_MS), sink, result];
  await runToEnd(["sh", "-c", 'setsid "$1" "$2" "$3" | setsid "$4" "$5"', "sh", ...words]);
  return await readResult(result);
}

function pipeline(source: string, sink: string, result: string, bytes = BYTES): Config {
  return {
    name: "throughput",
    processes: {
      source: {
        run: { kind: "command", argv: [source, String(bytes), String(DELAY_MS)] },
        restart: { policy: "temporary" },
      },
      sink: { run: { kind: "command", argv: [sink, result] }, restart: { policy: "temporary" } },
    },
    channels: {
      bytes: { kind: "pipe", from: "source.stdout", to: "sink.stdin", capacity: "64KiB" },
    },
  };
}

/** GB a second, after checking that everything came through a pipe of the right size. */
async function readResult(path: string, expected = BYTES): Promise<number> {
  const [bytes, ns, pipeBytes] = (await Deno.readTextFile(path)).trim().split(" ").map(Number);
  if (bytes !== expected || pipeBytes !== PIPE_BYTES) {
    throw new Error(`${path}: ${bytes} bytes through a pipe of ${pipeBytes}`);
  }
  return bytes / ns!;
}
