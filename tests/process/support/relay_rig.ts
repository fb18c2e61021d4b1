/**
 * `@relay` by itself: a test plays its supervisor, its producers and its consumers, with real
 * pipes. What the supervisor would hold is held here, so that a new `@relay` can be told again.
 */
import { createSocketPair } from "../../../src/os/socket.ts";
import { PacketReceiver, PacketSender } from "../../../src/os/fd_passing.ts";
import { monotonicMs } from "../../../src/os/monotonic.ts";
import {
  closeFd,
  createPipe,
  openNull,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../src/os/pipe.ts";
import { createSharedMemory, type SharedMemory } from "../../../src/os/shared_memory.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import {
  countersBytes,
  type LegFigures,
  readLeg,
} from "../../../src/channel/relay/relay_counters.ts";
import {
  RELAY_COUNTERS_FD,
  RELAY_LINK_FD,
  RELAY_PACKET_BYTES_MAX,
  type RelayChannel,
  type RelayCommand,
  type RelayReport,
} from "../../../src/channel/relay/relay_protocol.ts";
import type { QueuePlan } from "../../../src/plan/plan.ts";
import { ended, mustSpawn, until } from "./harness.ts";

const PROGRAM = new URL("../../../src/system/relay/main.ts", import.meta.url).pathname;
const LIMITS = { bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: 2 };
const READ_BYTES = 65_536;

/** A queue that blocks and holds much, but for what is said. */
export function queuePlan(changes: Partial<QueuePlan> = {}): QueuePlan {
  return { overflow: "block", messagesMax: 1024, bytesMax: 1 << 20, lifespanNs: 0, ...changes };
}

/** Lines from so many producers to one consumer for each queue. */
export function relayChannel(
  producers: number,
  queues: readonly QueuePlan[],
  changes: Partial<RelayChannel> = {},
): RelayChannel {
  return {
    name: "test",
    framing: "lines",
    maxMessageBytes: 65_536,
    onMalformed: "drop",
    rate: null,
    inputs: Array.from({ length: producers }, (_, slot) => ({ process: `p${slot}`, slot })),
    outputs: queues.map((queue, at) => ({ process: `c${at}`, slot: producers + at, queue })),
    ...changes,
  };
}

interface Held {
  readonly command: Extract<RelayCommand, { pipe: number }>;
  readonly readFd: number;
  writeFd: number;
}

/** The supervisor's side. */
export class RelayRig implements AsyncDisposable {
  readonly reports: RelayReport[] = [];
  readonly #channels: readonly RelayChannel[];
  readonly #memory: SharedMemory;
  readonly #counters: Float64Array;
  readonly #sender = new PacketSender(LIMITS);
  readonly #receiver = new PacketReceiver(LIMITS);
  readonly #held = new Map<number, Held>();
  /** Told to a new `@relay` after the pipes. */
  readonly #said: RelayCommand[] = [];
  #link = -1;
  #child: { readonly pid: number; readonly pidfd: number } | null = null;
  #pipes = 0;

  private constructor(channels: readonly RelayChannel[], slots: number) {
    this.#channels = channels;
    this.#memory = createSharedMemory("cox-test-counters", countersBytes(slots));
    this.#counters = new Float64Array(this.#memory.buffer);
  }

  /** Starts `@relay` and tells it of the channels. */
  static start(...channels: readonly RelayChannel[]): RelayRig {
    const slots = channels.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
    const rig = new RelayRig(channels, Math.max(...slots.map(({ slot }) => slot)) + 1);
    rig.restart();
    return rig;
  }

  get pid(): number {
    return this.#child!.pid;
  }

  /** Starts another `@relay`, and tells it everything that is still so. */
  restart(denoFlags: readonly string[] = []): void {
    const [ours, theirs] = createSocketPair("seqpacket");
    const nullFd = openNull();
    this.#child = mustSpawn({
      executable: Deno.execPath(),
      argv: [
        "deno",
        "run",
        "--no-prompt",
        "--no-config",
        "--no-lock",
        "--cached-only",
        "--allow-ffi",
        "--v8-flags=--max-semi-space-size=2,--expose-gc",
        ...denoFlags,
        PROGRAM,
      ],
      cwd: "/",
      env: [["NO_COLOR", "1"], ["DENO_NO_UPDATE_CHECK", "1"], [
        "HOME",
        Deno.env.get("HOME") ?? "/",
      ]],
      umask: 0o077,
      descriptors: [
        { fd: 0, source: nullFd },
        { fd: 1, source: 2 },
        { fd: 2, source: 2 },
        { fd: RELAY_LINK_FD, source: theirs },
        { fd: RELAY_COUNTERS_FD, source: this.#memory.fd },
      ],
    });
    closeFd(theirs);
    closeFd(nullFd);
    this.#link = ours;
    for (const channel of this.#channels) this.#send({ kind: "channel", channel });
    for (const held of this.#held.values()) this.#handOver(held);
    for (const command of this.#said) this.#send(command);
  }

  /** Says something that is said again to the next. */
  say(command: RelayCommand): void {
    this.#said.push(command);
    this.#send(command);
  }

  /** A pipe for an instance of a producer. */
  input(slot: number, instance = 1, capacityBytes = 65_536): TestWriter {
    const pipe = createPipe({ capacityBytes });
    const fd = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
    closeFd(pipe.readFd);
    const writer = new TestWriter(reopenPipe(pipe.writeFd, "write", { nonBlocking: true }));
    closeFd(pipe.writeFd);
    const number = ++this.#pipes;
    const command = { kind: "input", slot, instance, pipe: number } as const;
    this.#hold({ command, readFd: fd, writeFd: -1 });
    return writer;
  }

  /** A pipe for an instance of a consumer. */
  output(slot: number, instance = 1, capacityBytes = 65_536): TestReader {
    const pipe = createPipe({ capacityBytes });
    const number = ++this.#pipes;
    const reader = new TestReader(reopenPipe(pipe.readFd, "read", { nonBlocking: true }), number);
    const held = {
      command: { kind: "output", slot, instance, pipe: number } as const,
      readFd: reopenPipe(pipe.readFd, "read", { nonBlocking: true }),
      writeFd: reopenPipe(pipe.writeFd, "write", { nonBlocking: true }),
    };
    closeFd(pipe.readFd);
    closeFd(pipe.writeFd);
    this.#hold(held);
    return reader;
  }

  /** What a leg has counted. */
  leg(slot: number): LegFigures {
    return readLeg(this.#counters, slot, monotonicMs());
  }

  /** Takes the reports that have come, as the supervisor would. */
  hear(): void {
    for (;;) {
      const packet = this.#receiver.receive(this.#link);
      if (typeof packet === "string") return;
      const report = JSON.parse(packet.text) as RelayReport;
      this.reports.push(report);
      const held = "pipe" in report ? this.#held.get(report.pipe) : undefined;
      if (held === undefined) continue;
      if (report.kind === "outputFinished") {
        closeFd(held.writeFd);
        held.writeFd = -1;
      } else if (report.kind !== "outputTorn") this.#letGo(held);
    }
  }

  /** Waits for a report. */
  async report<K extends RelayReport["kind"]>(
    kind: K,
    matches: (report: Extract<RelayReport, { kind: K }>) => boolean = () => true,
  ): Promise<Extract<RelayReport, { kind: K }>> {
    return await until(`report ${kind}, of ${JSON.stringify(this.reports)}`, () => {
      this.hear();
      return this.reports.find((report) =>
        report.kind === kind && matches(report as Extract<RelayReport, { kind: K }>)
      ) as Extract<RelayReport, { kind: K }> | undefined;
    });
  }

  /** `kill -9`, and what was said until then. */
  async kill(): Promise<void> {
    const child = this.#child!;
    sendSignal(child.pid, 9);
    await ended(child);
    this.#child = null;
    this.hear();
    closeFd(this.#link);
  }

  /** Sends it a signal. */
  signal(signo: number): void {
    sendSignal(this.#child!.pid, signo);
  }

  /** Waits until it has ended by itself. @returns its exit code; null: a signal. */
  async end(): Promise<number | null> {
    const { reason } = await ended(this.#child!);
    this.#child = null;
    if (this.#link >= 0) {
      this.hear();
      closeFd(this.#link);
    }
    return reason.kind === "code" ? reason.code : null;
  }

  /** The supervisor's end of the link is gone. */
  hangUp(): void {
    closeFd(this.#link);
    this.#link = -1;
  }

  /** Lets go of the pipes of a leg, as of those whose other side has ended. */
  letGoOf(slot: number): void {
    for (const held of [...this.#held.values()]) {
      if (held.command.slot === slot) this.#letGo(held);
    }
  }

  /** Tells it to drain. */
  drain(): void {
    this.#send({ kind: "drain" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== null) await this.kill();
    for (const held of [...this.#held.values()]) this.#letGo(held);
    closeFd(this.#memory.fd);
  }

  #hold(held: Held): void {
    this.#held.set(held.command.pipe, held);
    if (this.#child !== null) this.#handOver(held);
  }

  #handOver({ command, readFd, writeFd }: Held): void {
    this.#send(command, command.kind === "input" || writeFd < 0 ? [readFd] : [writeFd, readFd]);
  }

  #letGo(held: Held): void {
    this.#held.delete(held.command.pipe);
    closeFd(held.readFd);
    if (held.writeFd >= 0) closeFd(held.writeFd);
  }

  #send(command: RelayCommand, fds: readonly number[] = []): void {
    const outcome = this.#sender.send(this.#link, JSON.stringify(command), fds);
    if (outcome !== "sent") throw new Error(`@relay was not told ${command.kind}: ${outcome}`);
  }
}

/** An instance of a producer. */
export class TestWriter {
  readonly fd: number;
  #open = true;

  constructor(fd: number) {
    this.fd = fd;
  }

  /** Writes what fits. @returns how many bytes; "closed": nobody reads any more. */
  write(bytes: Uint8Array<ArrayBuffer>): number | "closed" {
    const count = writeFd(this.fd, bytes);
    return count === "would-block" ? 0 : count;
  }

  /** Writes everything. */
  async writeAll(data: Uint8Array<ArrayBuffer> | string): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    let at = 0;
    await until("room in a pipe to @relay", () => {
      const count = this.write(bytes.subarray(at));
      if (count === "closed") throw new Error("nobody reads any more");
      at += count;
      return at === bytes.length;
    });
  }

  close(): void {
    if (this.#open) closeFd(this.fd);
    this.#open = false;
  }
}

/** An instance of a consumer. */
export class TestReader {
  readonly fd: number;
  readonly pipe: number;
  readonly #buffer = new Uint8Array(READ_BYTES);
  #open = true;
  /** Everything that was read. */
  bytes = new Uint8Array(0);

  constructor(fd: number, pipe: number) {
    this.fd = fd;
    this.pipe = pipe;
  }

  get text(): string {
    return new TextDecoder().decode(this.bytes);
  }

  /** Reads what is there, at most so much. @returns how many bytes; -1 at the end. */
  read(bytesMax = READ_BYTES): number {
    const count = readFd(this.fd, this.#buffer.subarray(0, Math.min(bytesMax, READ_BYTES)));
    if (count === "would-block") return 0;
    if (count === 0) return -1;
    const all = new Uint8Array(this.bytes.length + count);
    all.set(this.bytes);
    all.set(this.#buffer.subarray(0, count), this.bytes.length);
    this.bytes = all;
    return count;
  }

  /** Reads until there are so many bytes, or until what was read matches. */
  async readUntil(enough: number | ((text: string) => boolean)): Promise<string> {
    await until(`bytes from @relay, beside ${this.bytes.length}`, () => {
      this.read();
      return typeof enough === "number" ? this.bytes.length >= enough : enough(this.text);
    });
    return this.text;
  }

  /** Reads to the end. */
  async readToEnd(): Promise<string> {
    await until("the end from @relay", () => {
      for (;;) {
        const count = this.read();
        if (count <= 0) return count === -1;
      }
    });
    return this.text;
  }

  close(): void {
    if (this.#open) closeFd(this.fd);
    this.#open = false;
  }
}
