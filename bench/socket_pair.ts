/**
 * Claim: a socket pair through `coxswain/child` costs little more than node:net alone.
 * 64 bytes there and back between two Deno children of one crew, over two pairs that take
 * turns: one by our client with its framing, one by node:net without any. Where libzmq's
 * header is installed, the same between two C programs over ZeroMQ's ipc://.
 *
 * ```
 *  ping ──ours: connect(), frames──► echo ──► ping
 *       ──bare: net.Socket({ fd })─►
 * ```
 */
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { coxUp } from "./support/crew.ts";
import { median, quantile, spreadOf } from "./support/stats.ts";
import { programPath, runToEnd, Workshop } from "./support/workshop.ts";
import { compileZmq } from "./support/zmq.ts";

export const name = "socket_pair";

interface Times {
  readonly ours: readonly number[];
  readonly bare: readonly number[];
}

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const results = `${workshop.folder}/results`;
  await Deno.mkdir(results);
  const result = `${results}/times.json`;
  await runToEnd(await coxUp(workshop, "crew", conversation(result)));
  const { ours, bare } = JSON.parse(await Deno.readTextFile(result)) as Times;
  const rows = [
    makeRow({
      claim: "64 bytes there and back over a socket pair, two Deno children, median",
      measured: median([...ours]),
      unit: "µs",
      baseline: { name: "node:net alone", value: median([...bare]) },
      target: { of: "ratio", rule: "at most", value: 1.25 },
      spread: { ...spreadOf([...ours]), bareP95: quantile([...bare], 0.95) },
      runs: ours.length,
    }),
  ];
  const zmq = await zmqRoundTrip(workshop);
  if (zmq === null) return rows;
  return [
    ...rows,
    makeRow({
      claim: "the same, beside two C programs over ZeroMQ",
      measured: median([...ours]),
      unit: "µs",
      baseline: { name: "ZeroMQ ipc:// in C", value: zmq },
      target: null,
      spread: {},
      runs: ours.length,
    }),
  ];
}

function conversation(result: string): Config {
  const folder = result.slice(0, result.lastIndexOf("/"));
  return {
    name: "conversation",
    processes: {
      ping: {
        run: {
          kind: "deno",
          path: programPath("round_trip_ping.ts"),
          args: [result],
          permissions: { write: [folder] },
        },
        restart: { policy: "temporary" },
        critical: true,
      },
      echo: {
        run: { kind: "deno", path: programPath("round_trip_echo.ts") },
        restart: { policy: "temporary" },
      },
    },
    channels: {
      ours: { kind: "pair", between: ["ping.ours", "echo.ours"] },
      bare: { kind: "pair", between: ["ping.bare", "echo.bare"] },
    },
  };
}

/** @returns microseconds; null where libzmq is not installed. */
async function zmqRoundTrip(workshop: Workshop): Promise<number | null> {
  const program = await compileZmq(workshop, "zmq_round_trip");
  if (program === null) return null;
  const result = `${workshop.folder}/zmq.txt`;
  await runToEnd([program, `${workshop.folder}/zmq.sock`, result]);
  return Number(await Deno.readTextFile(result));
}
