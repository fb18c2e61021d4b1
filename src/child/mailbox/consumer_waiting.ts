/**
 * How a consumer waits: it looks again, sleeps on the bell, or on its doorbell while the program goes
 * on. Must not know: what a sample is, which are lent.
 */
import { ARMED_DOORBELL, ARMED_PARKED } from "../../channel/mailbox/layout.ts";
import type { ConsumerCore } from "./consumer_core.ts";
import type { ConsumerOptions } from "./consumer_types.ts";
import { rest, Spinning } from "./spinning.ts";
import { StreamPace } from "./stream_pace.ts";
import type { ConsumerPort, Doorbell } from "./wait_port.ts";

/** Looks before the first look at the clock: who answers at once is met by the next of these. */
const LOOKS_AT_ONCE = 64;

/** One consumer's. `T` is what a look finds, or that there is none. */
export class ConsumerWaiting<T extends { readonly kind: string }> {
  readonly #core: ConsumerCore;
  readonly #port: ConsumerPort;
  readonly #spinning: Spinning;
  readonly #pace: StreamPace;
  readonly #poll: () => T;
  readonly #look: () => boolean;
  #found: T | null = null;
  #waits = false;

  /** @param poll looks once; of the kind `none` when nothing is there. */
  constructor(
    core: ConsumerCore,
    port: ConsumerPort,
    { shape, waiting = "spin-then-park", spinNs }: ConsumerOptions,
    poll: () => T,
  ) {
    this.#core = core;
    this.#port = port;
    this.#pace = new StreamPace(shape.slots);
    this.#spinning = new Spinning(waiting, () => port.nowNs(), spinNs);
    this.#poll = poll;
    this.#look = () => (this.#found = poll()).kind !== "none";
  }

  /** Leaves the producer alone for a moment, where the next look would follow too close upon it. */
  beforeLook(): void {
    const core = this.#core;
    if (core.next > core.seen && this.#pace.followsClosely(core.gained)) rest();
  }

  /**
   * A look has found nothing. Waits, and nothing else of the program runs meanwhile.
   *
   * @returns `none` when the time is up.
   */
  block(timeoutNs: number): T {
    const streams = this.#pace.ranDry(this.#core.next);
    if (this.#spinning.spins) {
      if (streams) rest();
      for (let at = 0; at < LOOKS_AT_ONCE; at++) if (this.#look()) return this.#found!;
    }
    const endNs = this.#port.nowNs() + timeoutNs;
    for (;;) {
      if (this.#spinning.spin(this.#look, endNs)) return this.#found!;
      const leftNs = endNs - this.#port.nowNs();
      if (!(leftNs > 0)) return this.#poll();
      if (this.#spinning.parks) this.#park(leftNs);
      if (this.#look()) return this.#found!;
    }
  }

  /**
   * Looks, and waits until there is something, while the program goes on. One call at a time.
   *
   * @returns `none` when `signal` was aborted, and when it is over.
   * @throws {TypeError} (rejects) while another call waits.
   */
  async onDoorbell(
    doorbell: Doorbell,
    signal: AbortSignal | null,
    isOver: () => boolean,
  ): Promise<T> {
    if (this.#waits) throw new TypeError("Another call waits for this mailbox");
    this.#waits = true;
    const over = () => isOver() || signal?.aborted === true;
    try {
      for (;;) {
        const found = this.#poll();
        if (found.kind !== "none" || over()) return found;
        // What it has found is lent already.
        if (await this.#spinning.spinInTurns(() => this.#look() || over())) return this.#found!;
        if (this.#core.arm(ARMED_DOORBELL) === null) continue;
        await doorbell.rung(signal);
        this.#core.disarm();
      }
    } finally {
      this.#waits = false;
    }
  }

  #park(timeoutNs: number): void {
    const bell = this.#core.arm(ARMED_PARKED);
    if (bell === null) return;
    this.#port.waitForBell(bell, timeoutNs);
    this.#core.disarm();
  }
}
