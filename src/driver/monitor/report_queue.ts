/**
 * What the monitor has to report: into the ring as long as there is room, then into a queue of its
 * own, which is bounded; what does not fit there either is counted, and the count is reported.
 * Must not know: what is reported.
 */
import { HEAR, RECORD_WIDTH } from "./messages.ts";
import type { RecordRing } from "./record_ring.ts";

/** Reports that wait for room; more are counted and dropped. */
const BACKLOG_MAX = 10_000;

/** One for a thread. */
export class ReportQueue {
  readonly #ring: RecordRing;
  readonly #wake: () => void;
  readonly #backlog: Float64Array[] = [];
  #lost = 0;
  #isNew = false;

  /** @param wake has the other thread take what is in the ring. */
  constructor(ring: RecordRing, wake: () => void) {
    this.#ring = ring;
    this.#wake = wake;
  }

  /** At most {@link RECORD_WIDTH} numbers. */
  put(numbers: ArrayLike<number>): void {
    this.#isNew = true;
    const record = new Float64Array(RECORD_WIDTH);
    record.set(numbers);
    if (this.#backlog.length === 0 && this.#ring.put(record)) return;
    if (this.#backlog.length < BACKLOG_MAX) this.#backlog.push(record);
    else this.#lost++;
  }

  /** Wakes the other thread if there is anything new for it. */
  flush(): void {
    let moved = 0;
    while (moved < this.#backlog.length && this.#ring.put(this.#backlog[moved]!)) moved++;
    if (moved > 0) this.#backlog.splice(0, moved);
    if (this.#lost > 0 && this.#backlog.length === 0) {
      const lost = new Float64Array(RECORD_WIDTH);
      lost.set([HEAR.lost, this.#lost]);
      if (this.#ring.put(lost)) this.#lost = 0;
    }
    if (!this.#isNew) return;
    this.#isNew = this.#backlog.length > 0;
    this.#wake();
  }
}
