/**
 * Claim: a relayed pipe moves whole messages, with a policy, faster than a Deno program moves
 * bytes. Lines from one C program to another, through `@relay` (queue of 1,024 messages, a
 * lifespan) and through a Deno program that does `stdin.pipeTo(stdout)`, taking turns and the
 * lead in each pair.
 *
 * ```
 *  source ══► @relay ══► sink        source ──► pipeTo ──► sink
 * ```
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { coxUp } from "./support/crew.ts";
import { median } from "./support/stats.ts";
import { programPath, runToEnd, Workshop } from "./support/workshop.ts";

export const name = "relayed_throughput";

const TURNS = 5;
const BYTES = 2e9;
const DELAY_MS = 1000;

interface Tools {
  readonly source: string;
  readonly sink: string;
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const tools = {
    source: await workshop.compile("line_source"),
    sink: await workshop.compile("pipe_sink"),
  };
  const large = await takeTurns(workshop, tools, 1024);
  const small = await takeTurns(workshop, tools, 100);
  const spread = (values: number[]) => ({ min: Math.min(...values), max: Math.max(...values) });
  return [
    makeRow({
      claim: "lines of 1 KiB through a relayed pipe, median",
      measured: median(large.relayed) * 1000,
      unit: "MB/s",
      baseline: { name: "the same bytes by pipeTo", value: median(large.piped) * 1000 },
      target: { of: "measured", rule: "at least", value: 250 },
      spread: spread(large.relayed.map((value) => value * 1000)),
      runs: TURNS,
    }),
    makeRow({
      claim: "lines of 100 bytes through a relayed pipe, median",
      measured: median(small.relayed) * 1e7,
      unit: "lines/s",
      baseline: { name: "the same bytes by pipeTo", value: median(small.piped) * 1e7 },
      target: { of: "measured", rule: "at least", value: 400_000 },
      spread: spread(small.relayed.map((value) => value * 1e7)),
      runs: TURNS,
    }),
  ];
}

/** @returns GB a second. */
async function takeTurns(workshop: Workshop, tools: Tools, lineBytes: number) {
  const relayed: number[] = [];
  const piped: number[] = [];
  for (let turn = 0; turn < TURNS; turn++) {
    const sides = [["relayed", relayed], ["piped", piped]] as const;
    for (const [side, values] of turn % 2 === 0 ? sides : sides.toReversed()) {
      const id = `${side}-${lineBytes}-${turn}`;
      const result = `${workshop.folder}/${id}.txt`;
      const config = side === "relayed"
        ? relayedCrew(tools, lineBytes, result)
        : pipedCrew(tools, lineBytes, result);
      await runToEnd(await coxUp(workshop, id, config));
      values.push(await readResult(result, lineBytes));
    }
  }
  return { relayed, piped };
}

function ends({ source, sink }: Tools, lineBytes: number, result: string): Config["processes"] {
  const argv = [source, String(BYTES), String(lineBytes), String(DELAY_MS)] as const;
  return {
    source: { run: { kind: "command", argv }, restart: { policy: "temporary" } },
    sink: { run: { kind: "command", argv: [sink, result] }, restart: { policy: "temporary" } },
  };
}

function relayedCrew(tools: Tools, lineBytes: number, result: string): Config {
  return {
    name: "relayed",
    processes: ends(tools, lineBytes, result),
    channels: {
      lines: {
        kind: "pipe",
        from: "source.stdout",
        to: "sink.stdin",
        framing: "lines",
        overflow: "block",
        highWater: { messages: 1024 },
        lifespan: "5s",
      },
    },
  };
}

function pipedCrew(tools: Tools, lineBytes: number, result: string): Config {
  return {
    name: "piped",
    processes: {
      ...ends(tools, lineBytes, result),
      middle: {
        run: { kind: "deno", path: programPath("pipe_to.ts") },
        restart: { policy: "temporary" },
      },
    },
    channels: {
      first: { kind: "pipe", from: "source.stdout", to: "middle.stdin" },
      second: { kind: "pipe", from: "middle.stdout", to: "sink.stdin" },
    },
  };
}

/** GB a second, after checking that every line came. */
async function readResult(path: string, lineBytes: number): Promise<number> {
  const [bytes, ns] = (await Deno.readTextFile(path)).trim().split(" ").map(Number);
  const expected = Math.floor(BYTES / lineBytes) * lineBytes;
  if (bytes !== expected) throw new Error(`${path}: ${bytes} bytes, not ${expected}`);
  return bytes / ns!;
}
