/**
 * Claim: clients of a server that is killed feel a pause and nothing else. One client after the
 * other connects, reads the answer and goes, while the server is killed (SIGKILL) twice a
 * second. The longest pause of each kill, beside the time that the same program takes from its
 * start to its first answer when nobody supervises it and it binds its path itself: no server
 * can be back sooner. An attempt that is refused or cut off counts as failed.
 *
 * ```
 *  client ──connect, read, end, again──► path ── held by cox ──► server ✗ … server ✗ …
 * ```
 */
import net from "node:net";
import type { Config } from "../src/config/config.ts";
import { makeRow, type Row } from "./row.ts";
import { BenchCrew } from "./support/crew.ts";
import { median, quantile, spreadOf } from "./support/stats.ts";
import { denoProgram, programPath, stop, Workshop } from "./support/workshop.ts";

export const name = "listener_restart";

const KILLS = 40;
const BETWEEN_KILLS_MS = 500;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const path = `${workshop.folder}/crew/socket/web.sock`;
  await using crew = await BenchCrew.start(workshop, "crew", configOf(path));
  const pauses: number[] = [];
  const bare: number[] = [];
  let refused = 0;
  let cutOff = 0;
  for (let kill = 0; kill < KILLS; kill++) {
    const pause = await pauseOfAKill(crew, path);
    pauses.push(pause.ms);
    refused += pause.refused;
    cutOff += pause.cutOff;
    bare.push(await bareStart(workshop, kill));
  }
  return [
    makeRow({
      claim: "longest pause of a client when a listening server is killed, median of the kills",
      measured: median(pauses),
      unit: "ms",
      baseline: { name: "bare start of the same server to its first answer", value: median(bare) },
      target: null,
      spread: { ...spreadOf(pauses), bareP95: quantile(bare, 0.95) },
      runs: pauses.length,
    }),
    makeRow({
      claim: "connections refused while a listening server was killed over and over",
      measured: refused,
      unit: "connections",
      baseline: null,
      target: { of: "measured", rule: "at most", value: 0 },
      spread: { acceptedAndCutOff: cutOff },
      runs: KILLS,
    }),
  ];
}

async function pauseOfAKill(crew: BenchCrew, path: string) {
  const { processes } = await crew.until("it runs", (now) => now.processes["web"]?.pid !== null);
  const untilMs = performance.now() + BETWEEN_KILLS_MS;
  const counts = { answered: 0, refused: 0, "cut off": 0 };
  let ms = 0;
  let killed = false;
  while (performance.now() < untilMs) {
    const fromMs = performance.now();
    if (!killed && fromMs > untilMs - BETWEEN_KILLS_MS / 2) {
      Deno.kill(processes["web"]!.pid!, "SIGKILL");
      killed = true;
    }
    counts[await ask(path)]++;
    ms = Math.max(ms, performance.now() - fromMs);
  }
  if (counts.answered === 0) throw new Error(`No client was answered: ${JSON.stringify(counts)}`);
  return { ms, refused: counts.refused, cutOff: counts["cut off"] };
}

/** One connection. */
function ask(path: string): Promise<"answered" | "refused" | "cut off"> {
  return new Promise((resolve) => {
    let connected = false;
    let answer = "";
    const socket = net.connect(path, () => connected = true);
    socket.on("data", (chunk: Uint8Array) => answer += new TextDecoder().decode(chunk));
    socket.on("error", () => resolve(connected ? "cut off" : "refused"));
    socket.on("close", () => resolve(answer === "hello\n" ? "answered" : "cut off"));
  });
}

/** @returns milliseconds. */
async function bareStart(workshop: Workshop, turn: number): Promise<number> {
  const path = `${workshop.folder}/bare-${turn}.sock`;
  const fromMs = performance.now();
  const child = workshop.start([...denoProgram("greeting_server.ts", path)]);
  while ((await ask(path)) !== "answered") await new Promise((resolve) => setTimeout(resolve));
  const ms = performance.now() - fromMs;
  await stop(child);
  return ms;
}

function configOf(path: string): Config {
  return {
    name: "listener",
    processes: {
      web: {
        run: { kind: "deno", path: programPath("greeting_server.ts") },
        restart: { policy: "permanent", backoff: { resetAfter: "100ms" } },
      },
    },
    channels: { http: { kind: "listen", server: "web.http", unix: { path }, clients: "anyone" } },
  };
}
