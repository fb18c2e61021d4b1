/**
 * A consumer's cursor: up to where it has given samples back. Owns in which order the words are
 * written that a `keepAll` producer waits for. docs/mailbox.md argues why; tests/model runs this.
 * Must not know: which samples are lent, what is in them.
 *
 * ```
 *  release  (data, turn) ─► high word, where it changes ─► cursor ─► producer armed?
 * ```
 */
import * as layout from "../../channel/mailbox/layout.ts";
import { highWord } from "./position.ts";
import type { SharedWords } from "./shared_words.ts";

/* As in consumer_core.ts: constants of this module are in V8's instructions. */
const { CONSUMER_BELL, CURSOR, PRODUCER_ARMED } = layout;

const HALF = 2 ** 31;

/** How a producer is woken that waits for this consumer. */
export interface ProducerWaker {
  /** Which consumer of the mailbox this is, from 0. */
  readonly number: number;
  wake(): void;
}

/** One consumer's. Its fields are nobody's but a test's. */
export class ReleaseCursor {
  readonly #samples: SharedWords;
  readonly #own: SharedWords;
  readonly #waker: ProducerWaker | null;
  position = 0;
  /** From here on it has another high word. */
  carriesAt = HALF;
  /** The producer's armed word when it was woken last. */
  woken = 0;

  /** @param waker null: no producer waits for it (`keepLast`). */
  constructor(samples: SharedWords, own: SharedWords, waker: ProducerWaker | null) {
    this.#samples = samples;
    this.#own = own;
    this.#waker = waker;
  }

  /** Goes on from where the instance before has left it. */
  takeUp(position: number): void {
    this.position = position;
    this.carriesAt = nextCarry(position);
  }

  /** Gives back all up to this position. A step back is not believed by the producer. */
  moveTo(position: number): void {
    const own = this.#own;
    if (position >= this.carriesAt) this.#carry(position);
    this.position = position;
    if (this.#waker === null) {
      own.write(CURSOR, position | 0);
      return;
    }
    // What was read of the sample was read before.
    own.fence();
    own.write(CURSOR, position | 0);
    // The cursor may be on its way still: a producer that goes to sleep lets it arrive.
    const armed = this.#samples.read(PRODUCER_ARMED);
    if (armed !== this.woken) this.#wake(this.#waker, armed);
  }

  /** Writes the high word, before the low one. */
  #carry(position: number): void {
    // A step so wide would for a moment be read as too far. This is read as not far enough.
    const wide = position - this.position >= HALF;
    if (wide) this.#own.store(CURSOR, highWord(this.position) << 31);
    this.#own.store(CURSOR + 1, highWord(position));
    this.carriesAt = nextCarry(position);
  }

  /** The producer's armed word is another: does it wait for this consumer? */
  #wake(waker: ProducerWaker, armed: number): void {
    if ((armed & 0xff) !== waker.number + 1) return;
    this.woken = armed;
    this.#own.store(CONSUMER_BELL, (this.#own.read(CONSUMER_BELL) + 1) | 0);
    waker.wake();
  }
}

function nextCarry(position: number): number {
  return (highWord(position) + 1) * HALF;
}
