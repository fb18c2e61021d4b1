/**
 * The mailboxes of `cox run`: their memory, and who is on them. Owns that no sample is made before
 * all that take it count, and that a mailbox ends with its producer, which has no next instance.
 * Must not know: what is in a sample, other channels.
 */
import { MailboxChannel } from "../channel/mailbox/mailbox_channel.ts";
import { MailboxAttendance } from "../driver/mailbox_attendance.ts";
import { SystemError } from "../os/errno.ts";
import type { DescriptorPlan, Plan, ProcessIndex } from "../plan/plan.ts";
import { SystemRefusal } from "./exit_codes.ts";

type Part = Extract<DescriptorPlan, { kind: "mailbox" }>;

/** All mailboxes of a plan. */
export class RunMailboxes implements Disposable {
  readonly #channels: readonly (MailboxChannel | null)[];
  readonly #attendance: MailboxAttendance;

  /**
   * Takes the memory, all of it.
   *
   * @param log Told when a consumer has found one corrupt.
   * @throws {SystemRefusal} when it cannot be had.
   */
  constructor(plan: Plan, log: (text: string) => void) {
    this.#channels = plan.channels.map((channel) => {
      if (channel.kind !== "mailbox") return null;
      try {
        return new MailboxChannel(channel);
      } catch (error) {
        if (!(error instanceof SystemError)) throw error;
        throw new SystemRefusal(`Cannot make "${channel.name}": ${error.message}`);
      }
    });
    this.#attendance = new MailboxAttendance(plan, this.#mailboxes(), (body) => {
      if (body.event === "mailboxCorrupt") log(`${body.channel} is corrupt: ${body.fault}`);
    });
    // All at once: a producer waits for the consumers that have started, if only for our word.
    for (const process of plan.processes.keys()) this.#attendance.starts(process);
  }

  /** Opens a part for a process. @returns a descriptor, to be closed after the spawn. */
  openPart(part: Part): number {
    return this.#channels[part.channel]!.openPart(part);
  }

  /** A process has ended. */
  ended(process: ProcessIndex): void {
    this.#attendance.ended(process);
    for (const mailbox of this.#mailboxes()) {
      if (mailbox.plan.from.processes.includes(process)) mailbox.endProducer();
    }
  }

  [Symbol.dispose](): void {
    for (const mailbox of this.#mailboxes()) mailbox[Symbol.dispose]();
  }

  #mailboxes(): MailboxChannel[] {
    return this.#channels.filter((channel) => channel !== null);
  }
}
