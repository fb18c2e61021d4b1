/**
 * Who is on which mailbox: tells the memory of instances that begin and that have ended, and looks
 * for what consumers say of memory that is corrupt. Must not know: policy, what is in a sample.
 */
import type { EventBody } from "../audit/event_record.ts";
import type { Channel } from "../channel/channel.ts";
import { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";

/** An end of a mailbox: the producer's, or the consumer's of that number. */
interface Seat {
  readonly mailbox: MailboxChannel;
  readonly consumer: number | null;
}

/** All mailboxes of a crew. */
export class MailboxAttendance {
  readonly #plan: Plan;
  readonly #record: (body: EventBody) => void;
  readonly #seats = new Map<ProcessIndex, Seat[]>();
  /** By seat: how many instances have had it. */
  readonly #starts = new Map<Seat, number>();
  /** By seat: the last fault that was told, by the number in memory and by our own count. */
  readonly #told = new Map<Seat, { readonly instance: number; readonly start: number }>();

  constructor(
    plan: Plan,
    channels: readonly Channel[],
    record: (body: EventBody) => void,
  ) {
    this.#plan = plan;
    this.#record = record;
    for (const channel of channels) {
      if (!(channel instanceof MailboxChannel)) continue;
      const { from, consumers } = channel.plan;
      this.#seat(from.processes, { mailbox: channel, consumer: null });
      consumers.forEach(({ port }, consumer) => {
        this.#seat(port.processes, { mailbox: channel, consumer });
      });
    }
  }

  /** Tells what was asked for and could not be had. */
  tellWarnings(): void {
    const mailboxes = new Set([...this.#seats.values()].flat().map(({ mailbox }) => mailbox));
    for (const message of [...mailboxes].flatMap(({ warnings }) => warnings)) {
      this.#record({ event: "warning", message });
    }
  }

  /** Before an instance of `process` starts. */
  starts(process: ProcessIndex): void {
    for (const seat of this.#seats.get(process) ?? []) {
      this.#starts.set(seat, this.#startsOf(seat) + 1);
      const { mailbox, consumer } = seat;
      if (consumer === null) mailbox.producerStarts();
      else mailbox.consumerStarts(consumer);
    }
  }

  /** An instance of `process` has ended, or could not be started. */
  ended(process: ProcessIndex): void {
    for (const { mailbox, consumer } of this.#seats.get(process) ?? []) {
      if (consumer === null) mailbox.producerEnded();
      else mailbox.consumerEnded(consumer);
    }
    this.look(process);
  }

  /** Looks for what `process` says of its mailboxes; without one, for what anybody says. */
  look(process?: ProcessIndex): void {
    const seats = process === undefined
      ? [...this.#seats.values()].flat()
      : this.#seats.get(process) ?? [];
    for (const seat of seats) this.#lookAt(seat);
  }

  #lookAt(seat: Seat): void {
    const { mailbox, consumer } = seat;
    const fault = consumer === null ? null : mailbox.faultOf(consumer);
    if (consumer === null || fault === null) return;
    const told = this.#told.get(seat);
    const start = this.#startsOf(seat);
    // What an instance has left is its own, and it may write what it likes: it is heard once.
    if (told?.instance === fault.instance) return;
    this.#told.set(seat, { instance: fault.instance, start });
    if (told?.start === start) return;
    const { from, consumers } = mailbox.plan;
    this.#record({
      event: "mailboxCorrupt",
      channel: mailbox.name,
      process: this.#nameOf(from.processes),
      consumer: this.#nameOf(consumers[consumer]!.port.processes),
      fault: fault.text,
    });
  }

  #seat(processes: readonly ProcessIndex[], seat: Seat): void {
    for (const process of processes) {
      const seats = this.#seats.get(process) ?? [];
      seats.push(seat);
      this.#seats.set(process, seats);
    }
  }

  #startsOf(seat: Seat): number {
    return this.#starts.get(seat) ?? 0;
  }

  #nameOf(processes: readonly ProcessIndex[]): string {
    return this.#plan.processes[processes[0] ?? -1]?.name ?? "?";
  }
}
