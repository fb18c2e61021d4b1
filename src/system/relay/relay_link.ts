/**
 * `@relay`'s end of the socket to the supervisor: commands with their descriptors come in,
 * reports go out. A report is never waited for and never lost: what has no room now is kept, in
 * order; there are few of them, since drops are gathered before. Must not know: what they mean.
 */
import { PacketReceiver, PacketSender } from "../../os/fd_passing.ts";
import {
  RELAY_PACKET_BYTES_MAX,
  type RelayCommand,
  type RelayReport,
} from "../../channel/relay/relay_protocol.ts";

/** A command brings two at most. */
const FDS_MAX = 2;

/** A command, and the descriptors that came with it. */
export interface Received {
  readonly command: RelayCommand;
  readonly fds: readonly number[];
}

/** One for the life of the program. */
export class RelayLink {
  readonly #fd: number;
  readonly #receiver = new PacketReceiver({ bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: FDS_MAX });
  readonly #sender = new PacketSender({ bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: FDS_MAX });
  readonly #reports: string[] = [];
  #isFull = false;

  constructor(fd: number) {
    this.#fd = fd;
  }

  /** Reports wait for room; there will be an edge when there is. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /**
   * The next command.
   *
   * @returns "none" when no more is there, "closed" when none will come.
   * @throws {Error} when one is larger than was agreed: our bug.
   */
  receive(): Received | "none" | "closed" {
    const packet = this.#receiver.receive(this.#fd);
    if (packet === "would-block") return "none";
    if (packet === "closed") return "closed";
    if (packet === "truncated") throw new Error("A command is larger than was agreed");
    return { command: JSON.parse(packet.text) as RelayCommand, fds: packet.fds };
  }

  /** Says something, now or as soon as there is room. */
  report(report: RelayReport): void {
    this.#reports.push(JSON.stringify(report));
    if (!this.#isFull) this.flush();
  }

  /** There is room again: says what was kept. */
  flush(): void {
    this.#isFull = false;
    while (this.#reports.length > 0 && !this.#isFull) {
      const outcome = this.#sender.send(this.#fd, this.#reports[0]!);
      if (outcome === "would-block") this.#isFull = true;
      // Nobody listens any more: the end of the commands will say so.
      else if (outcome === "closed") this.#reports.length = 0;
      else this.#reports.shift();
    }
  }
}
