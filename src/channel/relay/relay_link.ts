/**
 * The supervisor's side of its link to `@relay`: commands and pipes out, reports in, over a new
 * socket for each instance of `@relay`. Also while there is none pipes are made and held: the
 * next one is told of all of them.
 *
 * ```
 *  openPipe, end, setOverflow ──► ledger ──► outbox ──sendmsg──► @relay
 *                                   ▲                              │
 *                                   └──── let go of, finished ◄── reports ──► onReport
 * ```
 *
 * Nothing here waits: what the socket does not take stays in the outbox, which is bounded by
 * what there is to tell. Nothing that `@relay` says makes it throw.
 * Must not know: the core, events, how `@relay` is started.
 */
import { PacketReceiver, PacketSender } from "../../os/fd_passing.ts";
import { closeFd, createPipe, pipeFillBytes, reopenPipe } from "../../os/pipe.ts";
import type { Reactor } from "../../os/reactor.ts";
import { createSocketPair } from "../../os/socket.ts";
import type { Overflow, Plan } from "../../plan/plan.ts";
import { type HeldPipe, type Message, message, RelayLedger } from "./relay_ledger.ts";
import { RELAY_PACKET_BYTES_MAX, type RelayCommand, type RelayReport } from "./relay_protocol.ts";
import { parseReport } from "./relay_report.ts";

/** A pipe's ends that go to `@relay`. */
const FDS_MAX = 2;
/** Reports taken before the other descriptors of the supervisor get their turn. */
const REPORTS_A_TURN = 64;
/** Far more than a socket holds: one who writes on while we read is not heard out. */
const REPORTS_LEFT_MAX = 4096;
/** While the socket is full we look again this often; an idle link costs nothing. */
const RETRY_MS = 20;
/** As many characters of a report that cannot be understood are shown. */
const SHOWN_LENGTH_MAX = 200;

/** Reports that are for the supervisor, besides what becomes of descriptors. */
export type ToldReport = Extract<
  RelayReport,
  { readonly kind: "inputCut" | "outputTorn" | "dropped" }
>;

/** What the link needs of the supervisor. */
export interface RelayLinkParts {
  readonly plan: Pick<Plan, "relayed" | "channels" | "processes">;
  readonly reactor: Reactor;
  readonly onReport: (report: ToldReport) => void;
  /** The present `@relay` says what it must not: it has to go. */
  readonly onBroken: (why: string) => void;
  /** It has closed its end, as it does when it ends: it has to go if it has not gone. */
  readonly onClosed: () => void;
  /** A pipe had to go before it was empty: too many instances have come and gone since. */
  readonly onAbandoned: (pipe: AbandonedPipe) => void;
}

/** What was let go of with bytes in it. */
export interface AbandonedPipe {
  readonly slot: number;
  readonly instance: number;
  readonly bytes: number;
}

/** One per supervisor. */
export class RelayLink implements Disposable {
  readonly #parts: RelayLinkParts;
  readonly #ledger: RelayLedger;
  readonly #sender = new PacketSender({ bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: FDS_MAX });
  readonly #receiver = new PacketReceiver({ bytesMax: RELAY_PACKET_BYTES_MAX, fdsMax: FDS_MAX });
  #socketFd: number | null = null;
  #outbox: Message[] = [];
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(parts: RelayLinkParts) {
    this.#parts = parts;
    this.#ledger = new RelayLedger(parts.plan);
  }

  /**
   * Makes the socket for the next instance of `@relay`, lets go of the last one's, and tells
   * the new one everything.
   *
   * @returns the child's end; the caller closes it after the spawn.
   * @throws {SystemError} EMFILE, ENFILE.
   */
  open(): number {
    this.close();
    const [ours, theirs] = createSocketPair("seqpacket");
    this.#socketFd = ours;
    this.#parts.reactor.watch(ours, () => this.#hear(REPORTS_A_TURN));
    this.#outbox = this.#ledger.greeting();
    this.#push();
    return theirs;
  }

  /** Takes in what the last `@relay` has said, and lets go of its socket. Idempotent. */
  close(): void {
    this.hear();
    this.#closeSocket();
  }

  /** Takes in everything that was said and not heard yet. */
  hear(): void {
    this.#hear(REPORTS_LEFT_MAX);
  }

  /**
   * Makes a pipe for a new instance of the process at the other end of a leg, and hands our
   * ends over.
   *
   * @returns the process's end; the caller closes it after the spawn.
   * @throws {SystemError} EMFILE, ENFILE; EPERM: more than `/proc/sys/fs/pipe-max-size`.
   */
  openPipe(slot: number, instance: number): number {
    const { direction, capacityBytes, relayed } = this.#ledger.planOf(slot);
    const { readFd, writeFd } = createPipe(capacityBytes > 0 ? { capacityBytes } : {});
    if (direction === "in" && this.#ledger.isDeaf(relayed)) {
      // Nobody will ever read: let it see that at its first write.
      closeFd(readFd);
      return writeFd;
    }
    const [theirs, spare] = direction === "in" ? [writeFd, readFd] : [readFd, writeFd];
    try {
      this.#add(slot, instance, openOurEnds(readFd, direction));
      return theirs;
    } catch (error) {
      closeFd(theirs);
      throw error;
    } finally {
      closeFd(spare);
    }
  }

  /** The process of a leg has finally ended, and the other side is to see it. Idempotent. */
  end(slot: number): void {
    const unused = this.#ledger.end(slot);
    if (unused === null) return;
    for (const pipe of unused) this.#letGo(pipe);
    this.#tell(message(this.#ledger.endCommand(slot)));
  }

  /** It starts again; `@relay` hears of it by its new pipe. Idempotent. */
  reopen(slot: number): void {
    this.#ledger.reopen(slot);
    this.#takeBack(this.#ledger.endCommand(slot).kind, slot);
  }

  /** Overflow at a consumer from now on; null: as the plan says. */
  setOverflow(slot: number, overflow: Overflow | null): void {
    const inForce = this.#ledger.setOverflow(slot, overflow);
    this.#takeBack("overflow", slot);
    this.#tell(message({ kind: "overflow", slot, overflow: inForce }));
  }

  /** Asks for what is there to be delivered, and for the end. */
  drain(): void {
    this.#tell(message({ kind: "drain" }));
  }

  /** Bytes in the pipes of a leg: written and not yet taken, or delivered and not yet read. */
  fillBytes(slot: number): number {
    return this.#ledger.pipesOf(slot).reduce((sum, pipe) => sum + pipeFillBytes(pipe.readFd), 0);
  }

  /** The newest pipe of a leg, to be measured and nothing else; null: none is held. */
  newestPipe(slot: number): { readonly number: number; readonly readFd: number } | null {
    return this.#ledger.pipesOf(slot).at(-1) ?? null;
  }

  /** Lets go of everything. */
  [Symbol.dispose](): void {
    this.#closeSocket();
    for (let slot = 0; slot < this.#ledger.slots; slot++) {
      for (const { number } of [...this.#ledger.pipesOf(slot)]) this.#remove(number);
    }
  }

  #add(slot: number, instance: number, ends: Pick<HeldPipe, "readFd" | "writeFd">): void {
    const { pipe, displaced } = this.#ledger.add(slot, instance, ends);
    if (displaced !== null) {
      const bytes = pipeFillBytes(displaced.readFd);
      this.#letGo(displaced);
      if (bytes > 0) this.#parts.onAbandoned({ slot, instance: displaced.instance, bytes });
    }
    this.#tell(this.#ledger.pipeMessage(pipe));
  }

  #remove(number: number): HeldPipe | null {
    const pipe = this.#ledger.remove(number);
    if (pipe !== null) this.#letGo(pipe);
    return pipe;
  }

  /** Of a pipe that is in the ledger no more. */
  #letGo({ number, readFd, writeFd }: HeldPipe): void {
    closeFd(readFd);
    if (writeFd !== null) closeFd(writeFd);
    this.#outbox = this.#outbox.filter(({ pipe }) => pipe !== number);
  }

  /** To the present `@relay`; the next one is told by the greeting. */
  #tell(told: Message): void {
    if (this.#socketFd === null) return;
    this.#outbox.push(told);
    // While the socket is full it is the retry's turn.
    if (this.#retry === null) this.#push();
  }

  /** What was not sent yet need not be. */
  #takeBack(kind: RelayCommand["kind"], slot: number): void {
    this.#outbox = this.#outbox.filter(({ command }) =>
      command.kind !== kind || !("slot" in command) || command.slot !== slot
    );
  }

  #push(): void {
    let sent = 0;
    for (const { command, pipe } of this.#outbox) {
      if (this.#socketFd === null) return;
      const fds = pipe === null ? [] : fdsOf(this.#ledger.find(pipe));
      const outcome = this.#sender.send(this.#socketFd, JSON.stringify(command), fds);
      if (outcome === "would-block") this.#pushLater();
      // Closed: it is heard where the reports are, and the next one is told everything.
      if (outcome !== "sent") break;
      sent++;
    }
    this.#outbox.splice(0, sent);
  }

  #pushLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.#push();
    }, RETRY_MS);
  }

  #hear(reportsMax: number): void {
    for (let count = 0; count < reportsMax && this.#socketFd !== null; count++) {
      const packet = this.#receiver.receive(this.#socketFd);
      if (packet === "would-block") return;
      if (packet === "closed") {
        this.#closeSocket();
        return this.#parts.onClosed();
      }
      if (packet === "truncated") return this.#break("a report is too long");
      for (const fd of packet.fds) closeFd(fd);
      const { newestPipe, slots } = this.#ledger;
      const report = parseReport(packet.text, { newestPipe, slots });
      if (report === null || !this.#heed(report)) {
        const shown = JSON.stringify(packet.text.slice(0, SHOWN_LENGTH_MAX));
        return this.#break(`a report cannot be understood: ${shown}`);
      }
    }
  }

  /** @returns false when it speaks of the wrong side. */
  #heed(report: RelayReport): boolean {
    if (report.kind === "dropped") {
      this.#parts.onReport(report);
      return true;
    }
    const pipe = this.#ledger.find(report.pipe);
    if (pipe === null) return true;
    const input = report.kind === "inputDone" || report.kind === "inputCut";
    if (input !== (this.#ledger.planOf(pipe.slot).direction === "in")) return false;
    switch (report.kind) {
      case "inputDone":
      case "outputDone":
        this.#remove(report.pipe);
        return true;
      case "outputFinished": {
        const writeFd = this.#ledger.finish(report.pipe);
        if (writeFd !== null) closeFd(writeFd);
        return true;
      }
      case "inputCut":
      case "outputTorn": {
        const { slot, instance } = pipe;
        if (report.kind === "inputCut") this.#remove(report.pipe);
        this.#parts.onReport({ ...report, slot, instance });
        return true;
      }
    }
  }

  #break(why: string): void {
    this.#closeSocket();
    this.#parts.onBroken(why);
  }

  #closeSocket(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#outbox = [];
    if (this.#socketFd === null) return;
    this.#parts.reactor.unwatch(this.#socketFd);
    closeFd(this.#socketFd);
    this.#socketFd = null;
  }
}

/** Descriptions of their own, so that O_NONBLOCK is not the process's. */
function openOurEnds(
  pipeFd: number,
  direction: "in" | "out",
): { readonly readFd: number; readonly writeFd: number | null } {
  const readFd = reopenPipe(pipeFd, "read", { nonBlocking: true });
  if (direction === "in") return { readFd, writeFd: null };
  try {
    return { readFd, writeFd: reopenPipe(pipeFd, "write", { nonBlocking: true }) };
  } catch (error) {
    closeFd(readFd);
    throw error;
  }
}

function fdsOf(pipe: HeldPipe | null): number[] {
  // What was let go of was taken out of the outbox.
  if (pipe === null) throw new Error("A pipe is to be handed over that is not held");
  return pipe.writeFd === null ? [pipe.readFd] : [pipe.writeFd, pipe.readFd];
}
