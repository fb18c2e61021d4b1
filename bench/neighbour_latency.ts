/**
 * Claim: a producer that floods its channel, far above the rate that it may have, does not slow its
 * neighbours: the p99 latency of their messages stays under twice its quiet value. A line every
 * 2 ms through a direct and a relayed pipe, beside a program that writes as fast as it is let into a
 * relayed pipe with a rate, and beside the same program that says nothing.
 *
 * ```
 *  near ──direct──► ear     far ──► @relay ──► ear     flood ══► @relay ──(1000 a second)──► drain
 * ```
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { median, quantile } from "./support/stats.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "neighbour_latency";

const TURNS = 5;
const LINES = 1500;
const PERIOD_US = 2000;
const FLOOD_BYTES = 1e12;
const FLOOD_LINE_BYTES = 100;
const NEIGHBOURS = ["direct", "relayed"] as const;
type Neighbour = typeof NEIGHBOURS[number];

interface Tools {
  readonly probe: string;
  readonly flood: string;
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const tools = {
    probe: await workshop.compile("neighbour_probe"),
    flood: await workshop.compile("line_source"),
  };
  const rows: Row[] = [];
  for (const overflow of ["block", "drop-newest"] as const) {
    const found = await takeTurns(workshop, tools, overflow);
    for (const neighbour of NEIGHBOURS) {
      const { quiet, flooded } = found[neighbour];
      rows.push(makeRow({
        claim: `a line through a ${neighbour} pipe beside a flood that its rate ` +
          `${overflow === "block" ? "holds up" : "drops"}, p99`,
        measured: median(flooded),
        unit: "µs",
        baseline: { name: "without the flood", value: median(quiet) },
        target: { of: "ratio", rule: "at most", value: 2 },
        spread: { min: Math.min(...flooded), max: Math.max(...flooded) },
        runs: TURNS,
      }));
    }
  }
  return rows;
}

type Found = Record<Neighbour, { readonly quiet: number[]; readonly flooded: number[] }>;

/** The p99 of each turn, microseconds. */
async function takeTurns(
  workshop: Workshop,
  tools: Tools,
  overflow: "block" | "drop-newest",
): Promise<Found> {
  const found: Found = {
    direct: { quiet: [], flooded: [] },
    relayed: { quiet: [], flooded: [] },
  };
  for (let turn = 0; turn < TURNS; turn++) {
    const sides = ["quiet", "flooded"] as const;
    for (const side of turn % 2 === 0 ? sides : sides.toReversed()) {
      const id = `${overflow}-${side}-${turn}`;
      const result = `${workshop.folder}/${id}`;
      const config = crewOf(tools, result, side === "flooded" ? FLOOD_BYTES : 0, overflow);
      await using crew = await BenchCrew.start(workshop, id, config);
      await crew.until(
        "both have heard everything",
        ({ processes }) =>
          NEIGHBOURS.every((neighbour) => processes[`${neighbour}-to`]!.state === "completed"),
      );
      for (const neighbour of NEIGHBOURS) {
        found[neighbour][side].push(await p99Us(`${result}/${neighbour}.txt`));
      }
    }
  }
  return found;
}

function crewOf(
  { probe, flood }: Tools,
  result: string,
  floodBytes: number,
  overflow: "block" | "drop-newest",
): Config {
  const once = { restart: { policy: "temporary" } } as const;
  const program = (...argv: [string, ...string[]]) =>
    ({ run: { kind: "command", argv }, ...once }) as const;
  const send = program(probe, "send", String(LINES), String(PERIOD_US));
  const ends = Object.fromEntries(NEIGHBOURS.flatMap((neighbour) => [
    [`${neighbour}-from`, send],
    [`${neighbour}-to`, program(probe, "hear", `${result}/${neighbour}.txt`)],
  ]));
  return {
    name: "neighbours",
    processes: {
      ...ends,
      // Its delay is what makes it quiet: it writes nothing before the crew has ended.
      flood: program(
        flood,
        String(floodBytes),
        String(FLOOD_LINE_BYTES),
        floodBytes > 0 ? "500" : "1000000",
      ),
      drain: program("/bin/sh", "-c", "exec cat > /dev/null"),
    },
    channels: {
      direct: { kind: "pipe", from: "direct-from.stdout", to: "direct-to.stdin" },
      relayed: {
        kind: "pipe",
        from: "relayed-from.stdout",
        to: "relayed-to.stdin",
        framing: "lines",
      },
      flood: {
        kind: "pipe",
        from: "flood.stdout",
        to: "drain.stdin",
        framing: "lines",
        rate: { messages: 1000, overflow },
      },
    },
  };
}

async function p99Us(path: string): Promise<number> {
  const values = (await Deno.readTextFile(path)).trim().split("\n").map((line) =>
    Number(line) / 1000
  );
  if (values.length !== LINES) throw new Error(`${path}: ${values.length} lines, not ${LINES}`);
  return quantile(values, 0.99);
}
