/**
 * The protocol with one mistake each, as text patches. The model must find every one of them: an
 * order that it does not need is an order that nobody keeps.
 */

/** One mistake. */
export interface Mutant {
  readonly name: string;
  /** Its exploration takes half a minute: `deno task soak` does it. */
  readonly slow?: true;
  /** Below `src/`. */
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly search: string;
  readonly replace: string;
}

const producer = "child/mailbox/producer_core.ts";
const consumer = "child/mailbox/consumer_core.ts";
const cursor = "child/mailbox/release_cursor.ts";
const attendance = "channel/mailbox/attendance.ts";

/** The mistakes. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "published before turn is even",
    file: producer,
    search: "    samples.write(base + LENGTH, from.length);",
    replace: "    samples.store(PUBLISHED, from.sequence | 0);\n" +
      "    samples.write(base + LENGTH, from.length);",
  },
  {
    name: "data before turn is odd",
    file: producer,
    search: "    else this.#samples.write(turn, into.turn);",
    replace: "",
  },
  {
    name: "who is armed is looked at before published",
    file: producer,
    search: "    this.#samples.store(PUBLISHED, low);\n    this.#notify();",
    replace: "    this.#notify();\n    this.#samples.store(PUBLISHED, low);",
  },
  {
    name: "published is an ordinary store: no fence before who is armed",
    file: producer,
    search: "    this.#samples.store(PUBLISHED, low);",
    replace: "    this.#samples.write(PUBLISHED, low);",
  },
  {
    name: "woken without the bell being changed",
    file: producer,
    search: "    this.#samples.store(BELL, (this.#samples.read(BELL) + 1) | 0);",
    replace: "",
  },
  {
    name: "the bell is changed after waking",
    file: producer,
    search: "    this.#samples.store(BELL, (this.#samples.read(BELL) + 1) | 0);\n" +
      "    this.#bells.wakeConsumers();",
    replace: "    this.#bells.wakeConsumers();\n" +
      "    this.#samples.store(BELL, (this.#samples.read(BELL) + 1) | 0);",
  },
  {
    name: "a new producer does not wake whom the last one left asleep",
    file: producer,
    search: "      this.rung[at] = 0;\n    }\n    this.#notify();",
    replace: "      this.rung[at] = 0;\n    }",
  },
  {
    name: "a new producer begins with the slot of the last sample",
    file: producer,
    search: "    const sequence = this.published + 1;\n    this.slot",
    replace: "    const sequence = this.published;\n    this.slot",
  },
  {
    name: "the high word after the low one",
    file: producer,
    search:
      "    if ((before ^ low) < 0) this.#samples.store(PUBLISHED + 1, highWord(this.published));\n" +
      "    this.#samples.store(PUBLISHED, low);",
    replace: "    this.#samples.store(PUBLISHED, low);\n" +
      "    if ((before ^ low) < 0) this.#samples.store(PUBLISHED + 1, highWord(this.published));",
  },
  {
    name: "keepAll writes one slot too early",
    file: producer,
    search: "    const needed = sequence - this.#slots;",
    replace: "    const needed = sequence - this.#slots - 1;",
  },
  {
    name: "the producer does not look at the cursor again before it sleeps",
    file: producer,
    search: "    return needed > this.#lookAtCursors() && this.slowest === consumer;",
    replace: "    return needed > 0;",
  },
  {
    name: "the producer reads the consumer's bell after its second look",
    file: producer,
    search: "    if (this.isHeldBack(consumer)) return bell;",
    replace: "    if (this.isHeldBack(consumer)) {\n" +
      "      return this.#consumers[consumer]!.load(CONSUMER_BELL);\n    }",
  },
  {
    name: "a new producer counts its waits from the beginning",
    file: producer,
    search: "    this.armedCount = this.#samples.read(PRODUCER_ARMED) >>> 8;",
    replace: "    this.armedCount = 0;",
  },
  {
    name: "the next slot is marked though a consumer still needs it",
    file: producer,
    search: "sequence - this.#slots <= this.cursorMin :",
    replace: "sequence - this.#slots <= this.published :",
  },
  {
    name: "the next slot is marked though it is kept until the newest is published",
    file: producer,
    search: "this.cursorMin : this.claimedMax >= 2;",
    replace: "this.cursorMin : true;",
  },
  {
    name: "armed after the second look",
    file: consumer,
    search: "    this.#own.store(ARMED, (this.armedCount << 2) | how);\n" +
      "    // It may have published, and looked for this word, just before.\n" +
      "    const ended = this.#look();",
    replace: "    const ended = this.#look();\n" +
      "    this.#own.store(ARMED, (this.armedCount << 2) | how);",
  },
  {
    name: "armed by an ordinary store: no fence before the second look",
    file: consumer,
    search: "    this.#own.store(ARMED, (this.armedCount << 2) | how);",
    replace: "    this.#own.write(ARMED, (this.armedCount << 2) | how);",
  },
  {
    name: "no second look",
    file: consumer,
    search: "    const ended = this.#look();\n    if (this.next",
    replace: "    const ended = false;\n    if (this.next",
  },
  {
    name: "the bell is read after the second look",
    file: consumer,
    search: '    if (this.next > this.seen && !ended && this.fault === "") return bell;',
    replace: '    if (this.next > this.seen && !ended && this.fault === "") {\n' +
      "      return this.#samples.load(BELL);\n    }",
  },
  {
    name: "a new consumer counts its waits from the beginning",
    file: consumer,
    search: "    this.armedCount = this.#own.read(ARMED) >>> 2;",
    replace: "    this.armedCount = 0;",
  },
  {
    name: "turn is not looked at after the data",
    file: consumer,
    search: "    return this.#hasTurn(this.#base(lent.slot), lent.turn);",
    replace: "    return lent.turn !== 0;",
  },
  {
    name: "what was there before it was waited for is held to be safe",
    slow: true,
    file: consumer,
    search: "    if (this.#keepsAll) this.safeFrom = this.attachedAt + 1;",
    replace: "    if (this.#keepsAll) this.safeFrom = 1;",
  },
  {
    name: "turn is not looked at after the header",
    file: consumer,
    search: "      if (next < this.safeFrom && !this.#hasTurn(base, turn)) break;",
    replace: "",
  },
  {
    name: "one more is lent than was found to be published",
    file: consumer,
    search: "(this.seen - this.next + 1) | 0",
    replace: "(this.seen - this.next + 2) | 0",
  },
  {
    name: "what was just taken from the kept is held to be kept",
    file: consumer,
    search:
      "    if (this.next <= (this.#keepsAll ? this.attachedAt : this.seen - this.#keep)) return true;",
    replace:
      "    if (this.next <= (this.#keepsAll ? this.attachedAt : this.seen - this.#keep - 1)) return true;",
  },
  {
    name: "what was written before it was waited for is held to be kept",
    slow: true,
    file: consumer,
    search:
      "    if (this.next <= (this.#keepsAll ? this.attachedAt : this.seen - this.#keep)) return true;",
    replace: "    if (!this.#keepsAll && this.next <= this.seen - this.#keep) return true;",
  },
  {
    name: "what is passed over is not released",
    slow: true,
    file: consumer,
    search: "    if (this.#keepsAll) this.released.moveTo(target - 1);",
    replace: "",
  },
  {
    name: "a jump is one too short to be counted",
    file: consumer,
    search: "    this.skipped += target - this.next;",
    replace: "    this.skipped += target - this.next - 1;",
  },
  {
    name: "whether the producer waits is looked at before the cursor is written",
    file: cursor,
    search: "    own.write(CURSOR, position | 0);\n" +
      "    // The cursor may be on its way still: a producer that goes to sleep lets it arrive.\n" +
      "    const armed = this.#samples.read(PRODUCER_ARMED);",
    replace: "    const armed = this.#samples.read(PRODUCER_ARMED);\n" +
      "    own.write(CURSOR, position | 0);",
  },
  {
    name: "the end is told before it is true",
    file: attendance,
    search: "  if (final) samples.store(STATE, STATE_ENDED);\n" +
      "  samples.store(BELL, (samples.load(BELL) + 1) | 0);\n  wake();",
    replace: "  samples.store(BELL, (samples.load(BELL) + 1) | 0);\n  wake();\n" +
      "  if (final) samples.store(STATE, STATE_ENDED);",
  },
  {
    name: "the end is told without the bell being changed",
    file: attendance,
    search: "  samples.store(BELL, (samples.load(BELL) + 1) | 0);",
    replace: "",
  },
  {
    name: "a consumer that is let go of leaves its bell as it was",
    slow: true,
    file: attendance,
    search: "  consumer.store(CONSUMER_BELL, (consumer.load(CONSUMER_BELL) + 1) | 0);",
    replace: "",
  },
];
