/**
 * Answers a server that asks, before it reads from a connection to one of its listeners, whether
 * the client is one that the configuration names; and hears how many it has turned away.
 *
 * ```
 *  server ──► supervisor   check ID LISTENER CONNECTION      descriptors of the server
 *                          refused LISTENER LIMIT COUNT      LIMIT: connections
 *  server ◄── supervisor   ID admit | ID refuse
 * ```
 *
 * The answer is found by looking at the connection itself, which is taken from the server for a
 * moment, and at the process tree; nothing that the client says or shows counts. What cannot be
 * known is refused. Must not know: what is said on a connection, how a server accepts.
 */
import type { EventBody } from "../audit/event_record.ts";
import { SystemError } from "../os/errno.ts";
import { closeFd, writeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import type { ListenPlan, Plan, ProcessIndex } from "../plan/plan.ts";
import { rootOf } from "../process/kinship.ts";
import { type Peer, peerOfForeign } from "../process/peer.ts";
import type { Instance } from "./instance.ts";
import { LineReader } from "./line_reader.ts";
import type { Listening } from "./notifications.ts";

const LINE_BYTES_MAX = 256;
/** Refusals that are told one by one; what comes faster is counted. */
const TOLD_MAX = 10;
const TOLD_WINDOW_NS = 1_000_000_000;

/** Whose gate it is, and what is asked about. */
export interface GateContext {
  readonly plan: Plan;
  readonly index: ProcessIndex;
  readonly number: number;
  readonly reactor: Reactor;
  readonly nowNs: () => number;
  readonly record: (body: EventBody) => void;
  /** All live instances of the crew, this one among them. */
  readonly live: () => Iterable<Instance>;
}

/**
 * Listens on an instance's gate.
 *
 * @param fd non-blocking; closed by the returned function.
 */
export function watchGate(context: GateContext, fd: number): Listening {
  return new Gate(context, fd);
}

type Refusal = Extract<EventBody, { event: "clientRefused" }>;
/** What is known of a client. */
type Client = Pick<Refusal, "process" | "peerPid" | "peerUid">;
const UNKNOWN: Client = { process: null, peerPid: -1, peerUid: -1 };

class Gate implements Listening {
  readonly #context: GateContext;
  readonly #fd: number;
  readonly #reader: LineReader;
  readonly #encoder = new TextEncoder();
  #watching = true;
  #windowBeganNs = Number.NEGATIVE_INFINITY;
  #told = 0;
  /** Refusals that were not told, by channel. */
  readonly #untold = new Map<string, number>();

  constructor(context: GateContext, fd: number) {
    this.#context = context;
    this.#fd = fd;
    this.#reader = new LineReader(fd, LINE_BYTES_MAX);
    context.reactor.watch(fd, () => this.hear());
  }

  hear(): void {
    if (!this.#watching) return;
    const { lines, ended } = this.#read();
    for (const line of lines) this.#hearLine(line);
    if (ended) this.#unwatch();
  }

  close(): void {
    // What it asked is of no use to anybody any more; what it counted is.
    this.hear();
    this.#unwatch();
    this.#tellUntold();
    closeFd(this.#fd);
  }

  #read(): ReturnType<LineReader["read"]> {
    try {
      return this.#reader.read();
    } catch (error) {
      // ECONNRESET: it was killed before it read an answer.
      if (!(error instanceof SystemError)) throw error;
      return { lines: [], ended: true };
    }
  }

  #unwatch(): void {
    if (this.#watching) this.#context.reactor.unwatch(this.#fd);
    this.#watching = false;
  }

  #hearLine(line: string): void {
    if (!this.#watching) return;
    const [what, ...words] = line.split(" ");
    const numbers = words.filter((word) => /^[0-9]{1,10}$/.test(word)).map(Number);
    if (what === "check" && numbers.length === 3 && words.length === 3) {
      const [id, listener, connection] = numbers as [number, number, number];
      const channel = this.#channelOf(listener);
      const admitted = channel !== null && this.#admit(channel, connection);
      return this.#answer(`${id} ${admitted ? "admit" : "refuse"}\n`);
    }
    if (what === "refused" && words.length === 3 && words[1] === "connections") {
      const channel = this.#channelOf(numbers[0] ?? -1);
      const count = numbers[1];
      if (channel !== null && count !== undefined) this.#tellLimit(channel, count);
    }
  }

  #channelOf(listener: number): ListenPlan | null {
    const { plan, index } = this.#context;
    const found = plan.channels.find((channel) =>
      channel.kind === "listen" && channel.to.fd === listener &&
      channel.to.processes.includes(index)
    );
    return found?.kind === "listen" ? found : null;
  }

  #admit(channel: ListenPlan, connection: number): boolean {
    const server = [...this.#context.live()].find(({ process, number }) =>
      process === this.#context.index && number === this.#context.number
    );
    // It is not live yet, or not any more: it asks again, or never.
    if (server === undefined) return false;
    try {
      using peer = peerOfForeign(server.pid, connection);
      const client = this.#clientOf(peer);
      const { processes } = this.#context.plan;
      if (channel.from.processes.some((index) => processes[index]?.name === client.process)) {
        return true;
      }
      this.#tell(channel, client, whyRefused(peer));
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      // The server itself has ended, and its connections with it.
      if (error.errno === "ESRCH") return false;
      this.#tell(channel, UNKNOWN, `who it is cannot be known: ${error.message}`);
    }
    return false;
  }

  #clientOf(peer: Peer): Client {
    const { connectedPid: peerPid, uid: peerUid } = peer;
    const owners = new Map<number, ProcessIndex>();
    for (const { process, mainPid } of this.#context.live()) owners.set(mainPid, process);
    const pid = peer.pid();
    const root = pid === null ? null : rootOf(pid, new Set(owners.keys()));
    // Whoever has its number now: as long as it lived to here it was the one that connected.
    const owner = root === null || peer.pid() === null ? undefined : owners.get(root);
    const process = owner === undefined ? null : this.#context.plan.processes[owner]!.name;
    return { process, peerPid, peerUid };
  }

  /** An answer that finds no room belongs to a server that asks and does not listen. */
  #answer(text: string): void {
    const bytes = this.#encoder.encode(text);
    if (writeFd(this.#fd, bytes) !== bytes.length) this.#unwatch();
  }

  #tell({ name }: ListenPlan, client: Client, why: string): void {
    const nowNs = this.#context.nowNs();
    if (nowNs - this.#windowBeganNs >= TOLD_WINDOW_NS) {
      this.#windowBeganNs = nowNs;
      this.#told = 0;
      this.#tellUntold();
    }
    if (this.#told++ < TOLD_MAX) {
      return this.#context.record({ event: "clientRefused", channel: name, why, ...client });
    }
    this.#untold.set(name, (this.#untold.get(name) ?? 0) + 1);
  }

  #tellUntold(): void {
    for (const [channel, count] of this.#untold) {
      this.#record(channel, count, "no declared clients, too many to be named one by one");
    }
    this.#untold.clear();
  }

  #tellLimit({ name, connectionsMax }: ListenPlan, count: number): void {
    const limit = connectionsMax === 0 ? "too many" : `as many as ${connectionsMax}`;
    this.#record(name, count, `${limit} were open or waited for the program`);
  }

  #record(channel: string, count: number, why: string): void {
    const { plan, index, number: instance } = this.#context;
    const process = plan.processes[index]!.name;
    this.#context.record({ event: "connectionsRefused", channel, process, instance, count, why });
  }
}

function whyRefused(peer: Peer): string {
  if (peer.connectedPid === 0) return "it is outside of this crew's PID namespace";
  if (peer.pid() === null) return "it had ended before it could be looked at";
  return "it is no declared client";
}
