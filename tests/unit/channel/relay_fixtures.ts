/** A plan with a relayed pipe, and the other end of the link that the supervisor hands out. */
import { type Packet, PacketReceiver, PacketSender } from "../../../src/os/fd_passing.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { RELAY_PACKET_BYTES_MAX } from "../../../src/channel/relay/relay_protocol.ts";
import type { RelayCommand, RelayReport } from "../../../src/channel/relay/relay_protocol.ts";
import type { LegPlan, Plan, QueuePlan } from "../../../src/plan/plan.ts";
import { planOf, processPlan } from "../driver/fixtures.ts";

export const QUEUE: QueuePlan = {
  overflow: "block",
  messagesMax: 10,
  bytesMax: 65_536,
  lifespanNs: 0,
};

/** Which processes there are; `@relay` is 0, then producers, then consumers. */
export interface RelayedShape {
  readonly producers?: readonly string[];
  readonly consumers?: readonly string[];
  readonly leg?: Partial<LegPlan>;
}

/** One relayed pipe "feed" from every producer to every consumer; slots in that order. */
export function relayedPlan(shape: RelayedShape = {}): Plan {
  const { producers = ["cam"], consumers = ["rec"], leg = {} } = shape;
  const names = ["@relay", ...producers, ...consumers];
  const legs = names.slice(1).map((_, slot): LegPlan => {
    const direction = slot < producers.length ? "in" : "out";
    const process = { processes: [slot + 1], port: "feed", fd: 4 };
    const relay = { processes: [0], port: "feed", fd: -1 };
    return {
      kind: "leg",
      name: "feed",
      relayed: 0,
      direction,
      slot,
      from: direction === "in" ? process : relay,
      to: direction === "in" ? relay : process,
      capacityBytes: 0,
      producerEnds: "eof",
      consumerEnds: "epipe",
      queue: direction === "in" ? null : QUEUE,
      ...leg,
    };
  });
  const indices = legs.map((_, index) => index);
  const relay = processPlan("@relay", {
    system: true,
    descriptors: [
      { fd: 0, kind: "null" },
      { fd: 1, kind: "log", stream: "stdout" },
      { fd: 2, kind: "log", stream: "stderr" },
      { fd: 3, kind: "relay-link" },
      { fd: 4, kind: "relay-counters" },
    ],
  });
  return planOf([relay, ...names.slice(1).map((name) => processPlan(name))], {
    channels: legs,
    relayed: [{
      name: "feed",
      framing: "lines",
      maxMessageBytes: 1000,
      onMalformed: "drop",
      rate: null,
      stall: null,
      inLegs: indices.slice(0, producers.length),
      outLegs: indices.slice(producers.length),
    }],
  });
}

/** A command as `@relay` gets it. */
export interface Received {
  readonly command: RelayCommand;
  readonly fds: readonly number[];
}

/** Stands at `@relay`'s end of the link. */
export class RelayEnd implements Disposable {
  readonly #fd: number;
  readonly #receiver = new PacketReceiver({ bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: 2 });
  readonly #sender = new PacketSender({ bytesMax: RELAY_PACKET_BYTES_MAX + 100, fdsMax: 2 });
  readonly #fds = new Set<number>();
  #open = true;

  /** @param fd becomes its own. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Everything that has come; the descriptors are closed with this end. */
  receive(): Received[] {
    const received: Received[] = [];
    for (;;) {
      const packet = this.#receiver.receive(this.#fd);
      if (typeof packet === "string") return received;
      received.push(this.#take(packet));
    }
  }

  /** At most one of them. */
  receiveOne(): Received | null {
    const packet = this.#receiver.receive(this.#fd);
    return typeof packet === "string" ? null : this.#take(packet);
  }

  /** Commands that have come, without what goes with them. */
  commands(): RelayCommand[] {
    return this.receive().map(({ command }) => command);
  }

  report(report: RelayReport): void {
    this.say(JSON.stringify(report));
  }

  say(text: string, fds: readonly number[] = []): void {
    const outcome = this.#sender.send(this.#fd, text, fds);
    if (outcome !== "sent") throw new Error(`The report is not sent: ${outcome}`);
  }

  closeFd(fd: number): void {
    this.#fds.delete(fd);
    closeFd(fd);
  }

  /** Ends as a killed `@relay` does. */
  [Symbol.dispose](): void {
    if (this.#open) { for (const fd of [...this.#fds, this.#fd]) closeFd(fd); }
    this.#open = false;
  }

  #take({ text, fds }: Packet): Received {
    for (const fd of fds) this.#fds.add(fd);
    return { command: JSON.parse(text) as RelayCommand, fds };
  }
}
