import { assert, assertEquals, assertThrows } from "@std/assert";
import type { DropReason } from "../../../../src/channel/relay/relay_protocol.ts";
import type { Overflow, QueuePlan } from "../../../../src/plan/plan.ts";
import { ConsumerQueue } from "../../../../src/system/relay/consumer_queue.ts";
import { MessageBatch, VERDICT } from "../../../../src/system/relay/message_batch.ts";
import { seededRandom } from "./support.ts";

/** What happened to each message, oldest first: who sent it and why it left. */
class Told {
  readonly left: (readonly [producer: number, messages: number, dropped: DropReason | null])[] = [];
  readonly drops: (readonly [DropReason, number])[] = [];
}

function queueOf(plan: Partial<QueuePlan>, wholeBytesMax = 1) {
  const told = new Told();
  const queue = new ConsumerQueue(
    { overflow: "block", messagesMax: 4, bytesMax: 100, lifespanNs: 0, ...plan },
    wholeBytesMax,
    {
      left: (...what) => told.left.push(what),
      dropped: (...what) => told.drops.push(what),
    },
  );
  return { queue, told };
}

/** A batch of messages of these lengths, filled with their numbers from `first` on. */
function batchOf(lengths: readonly number[], first = 0) {
  const batch = new MessageBatch();
  const source = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let end = 0;
  lengths.forEach((length, index) => {
    source.fill(first + index, end, end + length);
    end += length;
    batch.ends[index] = end;
  });
  batch.count = lengths.length;
  return { batch, source };
}

/** Takes out what is there. @returns the first byte of each message. */
function drain(queue: ConsumerQueue): number[] {
  const found: number[] = [];
  const { messages } = queue;
  while (messages.messages > 0) {
    const into = new Uint8Array(messages.headBytes);
    messages.copyHead(into);
    assert(into.every((byte) => byte === into[0]));
    found.push(into[0]!);
    messages.drop(1);
  }
  return found;
}

function accept(queue: ConsumerQueue, lengths: readonly number[], first = 0, nowMs = 0) {
  const { batch, source } = batchOf(lengths, first);
  queue.accept(batch, lengths.length, source, nowMs, 0);
}

Deno.test("ConsumerQueue takes as many messages as its mark says, and by each policy no more", () => {
  const expected: Record<Exclude<Overflow, "block">, number[]> = {
    "drop-oldest": [1, 2, 3, 4],
    "drop-newest": [0, 1, 2, 3],
    fail: [0, 1, 2, 3],
  };
  for (const [overflow, kept] of Object.entries(expected)) {
    for (const atOnce of [true, false]) {
      const { queue, told } = queueOf({ overflow: overflow as Overflow });
      accept(queue, [5, 5, 5, 5]);
      assertEquals(told.drops, []);
      if (atOnce) accept(queue, [5], 4);
      assertEquals(queue.messages.messages, 4);
      if (atOnce) assertEquals(told.drops, [["overflow", 1]]);
      if (atOnce) assertEquals(told.left, [[0, 1, "overflow"]]);
      if (atOnce) assertEquals(drain(queue), kept);
      else assertEquals(drain(queue), [0, 1, 2, 3]);
    }
  }
});

Deno.test("ConsumerQueue takes as many bytes as its mark says, and by each policy no more", () => {
  for (const overflow of ["drop-oldest", "drop-newest", "fail"] as const) {
    const { queue, told } = queueOf({ overflow, messagesMax: 100, bytesMax: 30 });
    accept(queue, [10, 10, 10]);
    assertEquals(told.drops, []);
    accept(queue, [1], 3);
    assertEquals(told.drops, [["overflow", 1]]);
    assertEquals(drain(queue), overflow === "drop-oldest" ? [1, 2, 3] : [0, 1, 2]);
  }
});

Deno.test("ConsumerQueue that drops the newest still takes a smaller one that has room", () => {
  const { queue, told } = queueOf({ overflow: "drop-newest", messagesMax: 100, bytesMax: 30 });
  accept(queue, [20, 15, 10, 1]);
  assertEquals(drain(queue), [0, 2]);
  assertEquals(told.drops, [["overflow", 1], ["overflow", 1]]);
});

Deno.test("ConsumerQueue that drops the oldest keeps the end of a batch that is too large", () => {
  const { queue, told } = queueOf({ overflow: "drop-oldest", messagesMax: 3 });
  accept(queue, [2], 9);
  accept(queue, [2, 2, 2, 2, 2]);
  assertEquals(drain(queue), [2, 3, 4]);
  assertEquals(told.drops, [["overflow", 1], ["overflow", 2]]);
});

Deno.test("ConsumerQueue has room for one largest message, whatever its mark in bytes", () => {
  const { queue } = queueOf({ bytesMax: 10 }, 14);
  assertEquals(queue.messages.roomBytes, 14);
  accept(queue, [14]);
  assertEquals(queue.messages.roomBytes, 0);
  assertThrows(() => accept(queue, [1]), Error);
});

Deno.test("ConsumerQueue that blocks refuses what it has no room for", () => {
  const { queue } = queueOf({ messagesMax: 2 });
  accept(queue, [1, 1]);
  assertEquals([queue.messages.roomMessages, queue.isRoomy], [0, false]);
  queue.messages.drop(1);
  assertEquals([queue.messages.roomMessages, queue.isRoomy], [1, true]);
});

Deno.test("ConsumerQueue.expire() drops what is older than the lifespan, and not what is as old", () => {
  const { queue, told } = queueOf({ lifespanNs: 50e6, messagesMax: 10 });
  accept(queue, [1, 1], 0, 1000);
  accept(queue, [1], 2, 1001);
  accept(queue, [1], 3, 1040);
  assertEquals(queue.expiryMs, 1050);
  queue.expire(1050);
  assertEquals(queue.messages.messages, 4);
  queue.expire(1050.5);
  assertEquals(told.drops, [["expired", 2]]);
  queue.expire(1090.5);
  assertEquals(told.drops, [["expired", 2], ["expired", 2]]);
  assertEquals(queue.expiryMs, Infinity);
});

Deno.test("ConsumerQueue.dropAll() drops everything, once", () => {
  const { queue, told } = queueOf({});
  accept(queue, [1, 2, 3]);
  queue.dropAll("ended");
  queue.dropAll("ended");
  assertEquals(told.drops, [["ended", 3]]);
  assertEquals(told.left, [[0, 3, "ended"]]);
});

Deno.test("ConsumerQueue leaves out what was condemned, wherever it stands", () => {
  for (let mask = 0; mask < 64; mask++) {
    const { queue } = queueOf({ messagesMax: 10 });
    const { batch, source } = batchOf([3, 1, 4, 1, 5, 9]);
    for (let at = 0; at < 6; at++) {
      if ((mask & (1 << at)) !== 0) batch.condemn(at, VERDICT.malformed, null);
    }
    queue.accept(batch, 6, source, 0, 0);
    assertEquals(drain(queue), [0, 1, 2, 3, 4, 5].filter((at) => (mask & (1 << at)) === 0));
  }
});

interface Model {
  readonly length: number;
  readonly producer: number;
  readonly atMs: number;
  readonly mark: number;
}

/** The same by the book: a list of messages, one at a time. */
class Reference {
  list: Model[] = [];
  readonly left: number[] = [0, 0, 0];
  readonly drops = { overflow: 0, expired: 0 };
  readonly #plan: QueuePlan;

  constructor(plan: QueuePlan) {
    this.#plan = plan;
  }

  get bytes(): number {
    return this.list.reduce((sum, { length }) => sum + length, 0);
  }

  push(message: Model): void {
    const { messagesMax, bytesMax, overflow } = this.#plan;
    const fits = () => this.list.length < messagesMax && this.bytes + message.length <= bytesMax;
    while (overflow === "drop-oldest" && !fits()) this.#leave("overflow");
    if (fits()) this.list.push(message);
    else {
      this.left[message.producer]!++;
      this.drops.overflow++;
    }
  }

  expire(nowMs: number): void {
    while (this.list.length > 0 && this.list[0]!.atMs + this.#plan.lifespanNs / 1e6 < nowMs) {
      this.#leave("expired");
    }
  }

  #leave(reason: "overflow" | "expired"): void {
    this.left[this.list.shift()!.producer]!++;
    this.drops[reason]++;
  }
}

Deno.test("ConsumerQueue does what a plain list does, over 100,000 random batches", () => {
  const random = seededRandom(1234);
  let rounds = 0;
  for (let run = 0; run < 250; run++) {
    const overflow = (["drop-oldest", "drop-newest"] as const)[run % 2]!;
    const plan: QueuePlan = {
      overflow,
      messagesMax: 1 + random(run % 5 === 0 ? 2000 : 40),
      bytesMax: 20 + random(run % 3 === 0 ? 200_000 : 600),
      lifespanNs: run % 4 === 0 ? 20e6 : 0,
    };
    const model = new Reference(plan);
    const left = [0, 0, 0];
    const drops: Record<string, number> = { overflow: 0, expired: 0 };
    const queue = new ConsumerQueue(plan, 20, {
      left: (producer, messages) => left[producer]! += messages,
      dropped: (reason, messages) => drops[reason]! += messages,
    });
    let mark = 0;
    for (let nowMs = 0; nowMs < 400; nowMs += random(3), rounds++) {
      const producer = random(3);
      const lengths = Array.from({ length: 1 + random(8) }, () => 1 + random(20));
      const { batch, source } = batchOf(lengths, mark % 200);
      queue.accept(batch, lengths.length, source, nowMs, producer);
      lengths.forEach((length, at) =>
        model.push({ length, producer, atMs: nowMs, mark: mark % 200 + at })
      );
      mark += 8;
      if (plan.lifespanNs > 0) {
        queue.expire(nowMs);
        model.expire(nowMs);
      }
      const { messages } = queue;
      for (let taken = random(5); taken > 0 && messages.messages > 0; taken--) {
        const fits = messages.fit(30);
        if (fits > 0) assert(messages.fitBytes <= 30 && messages.lengthAt(0) <= 30);
        const into = new Uint8Array(messages.headBytes);
        messages.copyHead(into);
        if (fits > 0) assertEquals(messages.head(into.length)[0], into[0]);
        const expected = model.list.shift()!;
        assertEquals([into[0], into.length], [expected.mark, expected.length]);
        assertEquals(messages.headProducer, expected.producer);
        model.left[expected.producer]!++;
        messages.drop(1);
      }
      assertEquals([messages.messages, messages.bytes], [model.list.length, model.bytes]);
      assertEquals(messages.oldestMs, model.list[0]?.atMs ?? 0);
    }
    assertEquals(left, model.left);
    assertEquals(drops, { ...model.drops });
    // Its memory stays with what its marks allow.
    assert(queue.messages.memoryBytes <= plan.bytesMax + plan.messagesMax * (4 + 2 * 16) + 4096);
  }
  assert(rounds > 50_000);
});
