/**
 * Samples lent one by one and many at once, in any order, while the producer goes on between any two
 * accesses to memory, and dies. tests/model goes through all orders of few steps; this goes through
 * some of many.
 */
import { assert, assertEquals } from "@std/assert";
import {
  CURSOR,
  HEADER_BYTES,
  joinPosition,
  type MailboxShape,
  PUBLISHED,
  SLOT_HEADER_BYTES,
  slotStride,
} from "../../../../src/channel/mailbox/layout.ts";
import { ConsumerCore } from "../../../../src/child/mailbox/consumer_core.ts";
import type { LentSlot } from "../../../../src/child/mailbox/consumer_types.ts";
import { type ClaimedSlot, ProducerCore } from "../../../../src/child/mailbox/producer_core.ts";
import type { SharedWords } from "../../../../src/child/mailbox/shared_words.ts";
import { plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

const RUNS = 400;
const RING = 64;
const LENGTH = 8;

/** A whole number below `range`. */
type Choose = (range: number) => number;

/** Pseudo-random choices, the same for the same seed. */
function makeChoice(seed: number): Choose {
  let state = (seed * 2_654_435_761) | 1;
  return (range) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % range;
  };
}

/** Memory of one thread; `before` runs before each access. */
function wordsOf(memory: Int32Array, before: () => void): SharedWords {
  const get = (word: number) => {
    before();
    return memory[word]!;
  };
  const set = (word: number, value: number) => {
    before();
    memory[word] = value;
  };
  const none = () => 0;
  return {
    load: get,
    store: set,
    read: get,
    write: set,
    fence: none,
    readDouble: none,
    writeDouble: none,
  };
}

/** The two words of data of a sample. */
function dataOf(sequence: number): [number, number] {
  return [(sequence * 7) | 0, (sequence * 11) | 0];
}

/** A producer that does a little at each step: claims, half of the data, seals, publishes, dies. */
class Stepping {
  readonly #memory: Int32Array;
  readonly #shape: MailboxShape;
  readonly #cursors: SharedWords;
  readonly #choose: Choose;
  #core: ProducerCore;
  #claims: ClaimedSlot[] = [];
  #sealed = 0;
  #words = 0;
  /** How many are to be published. */
  left: number;

  constructor(memory: Int32Array, own: Int32Array, shape: MailboxShape, choose: Choose) {
    this.#memory = memory;
    this.#shape = shape;
    this.#cursors = wordsOf(own, () => {});
    this.#choose = choose;
    this.#core = this.#begin();
    this.left = 60 + choose(200);
  }

  get published(): number {
    return this.#core.published;
  }

  step(): void {
    const claim = this.#claims[this.#sealed];
    if (claim !== undefined) this.#write(claim);
    else if (this.#claims.length > 0 && this.#choose(12) === 0) this.#core = this.#begin();
    else if (this.#claims.length > 0 && this.#choose(2) === 0) this.#commit();
    else if (this.left > this.#claims.length) this.#claim();
    else if (this.#claims.length > 0) this.#commit();
  }

  #begin(): ProducerCore {
    this.#claims = [];
    this.#sealed = 0;
    const samples = wordsOf(this.#memory, () => {});
    const bells = { wakeConsumers: () => {}, ring: () => {} };
    const core = new ProducerCore(samples, [this.#cursors], this.#shape, bells);
    assert(core.attach());
    return core;
  }

  #claim(): void {
    const claim = { sequence: 0, slot: 0, turn: 0, length: 0, stampNs: 0, originNs: 0, crc: 0 };
    if (this.#core.claim(claim)) this.#claims.push(claim);
    else if (this.#claims.length > 0) this.#commit();
  }

  /** One word of data at a step; then the header. */
  #write(claim: ClaimedSlot): void {
    if (this.#words < 2) {
      const at = dataWord(this.#shape, claim.slot) + this.#words;
      this.#memory[at] = dataOf(claim.sequence)[this.#words++]!;
      return;
    }
    this.#words = 0;
    claim.length = LENGTH;
    claim.stampNs = claim.sequence;
    claim.originNs = claim.sequence % 3 === 0 ? 1 : claim.sequence;
    this.#core.seal(claim);
    this.#sealed++;
  }

  #commit(): void {
    this.left -= this.#claims.length;
    this.#core.commit();
    this.#claims = [];
    this.#sealed = 0;
  }
}

function dataWord(shape: MailboxShape, slot: number): number {
  return (HEADER_BYTES + slot * slotStride(shape.sampleBytes) + SLOT_HEADER_BYTES) / 4;
}

function nothingLent(): LentSlot {
  const none = { sequence: 0, slot: 0, turn: 0, missed: 0, length: 0 };
  return { ...none, stampNs: 0, originNs: 0, epoch: 0, crc: 0 };
}

/** How often what happened. */
const seen = { one: 0, many: 0, missed: 0, overtaken: 0 };

function runOnce(seed: number): void {
  const choose = makeChoice(seed);
  const slots = [2, 3, 4, 8, 40][choose(5)]!;
  const keepsAll = choose(3) === 0;
  const shape = shapeWith({
    slots,
    sampleBytes: choose(2) === 0 ? 64 : 4096,
    ...keepsAll ? { history: "keepAll" } : { history: "keepLast", keep: 1 + choose(slots - 1) },
  });
  const start = [0, 2 ** 31 - 20, 2 ** 32 - 20][choose(3)]!;
  const mailbox = plainMailbox(shape);
  const memory = new Int32Array(mailbox.samples);
  const own = new Int32Array(mailbox.consumers[0]!);
  for (const [words, at] of [[memory, PUBLISHED], [own, CURSOR]] as const) {
    words[at] = start | 0;
    words[at + 1] = Math.floor(start / 2 ** 31);
  }
  const producer = new Stepping(memory, own, shape, choose);
  for (let steps = choose(40); steps > 0; steps--) producer.step();
  const pace = 1 + choose(30);
  const goOn = () => {
    if (choose(30) < pace) { for (let steps = 1 + choose(3); steps > 0; steps--) producer.step(); }
  };
  const options = {
    shape,
    number: 0,
    behind: "oldest",
    fillsSlots: false,
    lendsAhead: true,
  } as const;
  const core = new ConsumerCore(wordsOf(memory, goOn), wordsOf(own, goOn), options, () => {});
  assert(core.attach("resume"), core.fault);
  consume({ core, shape, memory, own, producer, goOn, choose });
}

interface Setting {
  readonly core: ConsumerCore;
  readonly shape: MailboxShape;
  readonly memory: Int32Array;
  readonly own: Int32Array;
  readonly producer: Stepping;
  readonly goOn: () => void;
  readonly choose: Choose;
}

function consume(setting: Setting): void {
  const { core, own, producer, choose } = setting;
  const ring = Array.from({ length: RING }, nothingLent);
  let tail = 0;
  let last = core.next - 1;
  let cursor = core.released.position;
  for (let idle = 0; idle < 3;) {
    const found = core.poll(ring[tail % RING]!);
    assert(found !== "corrupt" && found !== "ended", core.fault);
    if (found === "none") {
      idle += producer.left === 0 ? 1 : 0;
      producer.step();
      if (choose(3) === 0) core.arm(1);
      core.disarm();
    }
    if (found !== "sample") continue;
    const more = choose(2) === 0 ? 0 : core.lendReady(ring, tail + 1, choose(RING));
    seen.one++;
    seen.many += more;
    assert(core.next + core.ready <= core.seen + 1, `${core.ready} are ready from ${core.next}`);
    for (let at = 0; at <= more; at++) {
      const lent = ring[(tail + at) % RING]!;
      assertEquals(lent.sequence, last + lent.missed + 1);
      assert(at === 0 || lent.missed === 0, "what one look found has gaps");
      last = lent.sequence;
      seen.missed += lent.missed;
      check(setting, lent);
    }
    tail += 1 + more;
    core.released.moveTo(core.next - 1);
    const released = joinPosition(own[CURSOR]!, own[CURSOR + 1]!);
    assert(released >= cursor, `the cursor went from ${cursor} to ${released}`);
    cursor = released;
  }
  assertEquals(last, producer.published);
}

function check({ core, shape, memory, goOn }: Setting, lent: LentSlot): void {
  const at = dataWord(shape, lent.slot);
  const first = memory[at]!;
  goOn();
  const second = memory[at + 1]!;
  const { sequence } = lent;
  assertEquals([lent.length, lent.stampNs], [LENGTH, sequence]);
  assertEquals(lent.originNs, sequence % 3 === 0 ? 1 : sequence);
  if (core.isIntact(lent)) assertEquals([first, second], dataOf(sequence));
  else {
    seen.overtaken++;
    assert(
      shape.history === "keepLast" || sequence <= core.attachedAt,
      `${sequence} was overtaken`,
    );
  }
}

Deno.test("ConsumerCore lends one by one and many at once what was published, whole and in order", () => {
  for (let seed = 1; seed <= RUNS; seed++) runOnce(seed);
  for (const [what, count] of Object.entries(seen)) assert(count > 100, `${what}: ${count}`);
});
