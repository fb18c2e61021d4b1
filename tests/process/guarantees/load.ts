/**
 * Crews whose sources and sinks prove what becomes of every message: compiled programs, a
 * configuration for any mechanism, their logs. Must not know: who is killed, what may be lost.
 */
import type { RelayedSnapshot } from "../../../src/control/protocol.ts";
import { startCrew, type TestCrew } from "../../support/crew.ts";
import { judge, type SinkVerdict, type Tally } from "./judge.ts";

const PROGRAMS = new URL("./programs/", import.meta.url);
const RESTART = `{ policy: "transient", backoff: { initial: "1ms", max: "1ms", jitter: 0 } }`;

/** Why nothing of this can run here; null: it can. */
export const gccMissing: string | null = await missingGcc();
if (gccMissing !== null) console.warn(`Skipped, the guarantees of channels: ${gccMissing}`);

/** Sources and sinks of one channel. */
export interface Stream {
  /** Of the channel, and the suffix of its processes. */
  readonly name: string;
  readonly framing: "bytes" | "lines" | "ndjson" | "frames" | "packets";
  /** Bytes of the largest message with its framing; of a write of bytes. */
  readonly max: number;
  /** Of each source's writes, which cut messages; 0: one write for each message. @default 0 */
  readonly blockBytes?: number;
  /** Microseconds for which a sink waits before each read, half of the time. @default 200 */
  readonly pauseUs?: number;
  /** How many of each. @default 1 */
  readonly sources?: number;
  readonly sinks?: number;
  /** The channel, from ports of processes. */
  readonly channel: (from: readonly string[], to: readonly string[]) => string;
  /** Descriptors of the ports. @default stdout and stdin */
  readonly port?: { readonly name: string; readonly fd: number };
}

/** A crew of streams at work. */
export class LoadedCrew implements AsyncDisposable {
  readonly crew: TestCrew;
  readonly #folder: string;
  readonly #members: ReadonlyMap<string, Members>;

  private constructor(crew: TestCrew, folder: string, members: ReadonlyMap<string, Members>) {
    this.crew = crew;
    this.#folder = folder;
    this.#members = members;
  }

  /** Compiles the programs and starts them. */
  static async start(streams: readonly Stream[]): Promise<LoadedCrew> {
    const folder = await Deno.makeTempDir({ prefix: "cox-guarantees-" });
    try {
      const programs = await Promise.all(["source", "sink"].map((name) => compile(folder, name)));
      const members = numbered(streams);
      const config = configOf(streams, members, programs);
      const crew = await startCrew(config, { args: ["--summary", "summary.json"] });
      return new LoadedCrew(crew, folder, members);
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw error;
    }
  }

  /** Has every source end after its message, and waits until all has arrived and all have ended. */
  async finish(): Promise<void> {
    await Deno.writeTextFile(`${this.crew.projectDir}/stop`, "");
    const { code } = await this.crew.ended();
    if (code !== 0) throw new Error(`The crew ended with ${code}:\n${this.crew.output()}`);
  }

  /** What each sink of a stream has had. */
  verdicts(stream: string): SinkVerdict[] {
    const { sources, sinks } = this.#members.get(stream)!;
    const tallies = this.tallies(stream);
    if (tallies.size !== sources.length) throw new Error(`A source of ${stream} never began`);
    return sinks.map(({ id }) => judge(this.#numbers(`log.${id}`), tallies));
  }

  /** What each source of a stream says, by its number. */
  tallies(stream: string): Map<number, Tally> {
    const { sources } = this.#members.get(stream)!;
    return new Map(sources.map(({ id }) => [id, this.#numbers(`sent.${id}`)]));
  }

  /** What `@relay` has counted of a stream, when all had ended. */
  relayed(stream: string): RelayedSnapshot {
    const summary = JSON.parse(Deno.readTextFileSync(`${this.crew.projectDir}/summary.json`));
    const channel = summary.channels[stream] as RelayedSnapshot | undefined;
    if (channel?.kind !== "relayed") throw new Error(`${stream} is no relayed pipe`);
    return channel;
  }

  #numbers(file: string): Uint32Array {
    const bytes = Deno.readFileSync(`${this.crew.projectDir}/${file}`);
    return new Uint32Array(bytes.buffer, 0, bytes.length >> 2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crew[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}

interface Member {
  readonly id: number;
  readonly process: string;
}
interface Members {
  readonly sources: readonly Member[];
  readonly sinks: readonly Member[];
}

function numbered(streams: readonly Stream[]): Map<string, Members> {
  let next = 0;
  const some = (count: number, process: string): Member[] =>
    Array.from({ length: count }, (_, at) => ({
      id: ++next,
      process: at === 0 ? process : `${process}-${at + 1}`,
    }));
  return new Map(streams.map(({ name, sources = 1, sinks = 1 }) => [name, {
    sources: some(sources, `from-${name}`),
    sinks: some(sinks, `to-${name}`),
  }]));
}

function configOf(
  streams: readonly Stream[],
  members: ReadonlyMap<string, Members>,
  [source, sink]: readonly string[],
): string {
  const processes: string[] = [];
  const channels: string[] = [];
  for (const { name, framing, max, blockBytes = 0, pauseUs = 200, port, channel } of streams) {
    const { sources, sinks } = members.get(name)!;
    const add = (process: string, argv: readonly (string | number | undefined)[]) => {
      const run = `command(${JSON.stringify(argv.map(String))})`;
      processes.push(`"${process}": { run: ${run}, restart, nice: 10 },`);
    };
    for (const { id, process } of sources) {
      add(process, [source, id, framing, max, blockBytes, port?.fd ?? 1]);
    }
    for (const { id, process } of sinks) {
      add(process, [sink, id, framing, max, port?.fd ?? 0, pauseUs]);
    }
    const ports = (of: readonly Member[], standard: string) =>
      of.map(({ process }) => `${process}.${port?.name ?? standard}`);
    channels.push(`"${name}": ${channel(ports(sources, "stdout"), ports(sinks, "stdin"))},`);
  }
  return `
import { command, defineConfig, pipe, socket } from "coxswain";
const restart = ${RESTART} as const;
export default defineConfig({
  name: "guarantees",
  processes: {
    ${processes.join("\n    ")}
  },
  channels: {
    ${channels.join("\n    ")}
  },
});`;
}

/** Compiles one of the programs into a folder. @returns its path. */
export async function compile(folder: string, name: string): Promise<string> {
  const path = `${folder}/${name}`;
  const source = new URL(`${name}.c`, PROGRAMS).pathname;
  const args = ["-O2", "-Wall", "-Wextra", "-Werror", "-o", path, source];
  const { success, stderr } = await new Deno.Command("gcc", { args }).output();
  if (!success) throw new Error(`gcc ${source}: ${new TextDecoder().decode(stderr)}`);
  return path;
}

async function missingGcc(): Promise<string | null> {
  try {
    const { success } = await new Deno.Command("gcc", { args: ["--version"], stdout: "null" })
      .output();
    return success ? null : "gcc does not run";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "there is no gcc";
    throw error;
  }
}
