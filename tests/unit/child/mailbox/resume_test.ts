/** Where a consumer's next instance begins, for each history and each place that it may go on at. */
import { assert, assertEquals } from "@std/assert";
import { consumerEnded, consumerStarts } from "../../../../src/channel/mailbox/attendance.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import { MappedWords } from "../../../../src/child/mailbox/shared_words.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

/** One sample is released, one is held at the death; so many come before the next instance. */
function nextInstance(
  history: "keepLast" | "keepAll",
  from: "resume" | "newest",
  meanwhile: number,
): [sequence: number, missed: number][] {
  const shape = shapeWith({ history, slots: 8, keep: history === "keepLast" ? 4 : 0 });
  const { samples, consumers } = plainMailbox(shape);
  const own = consumers[0]!;
  const page = new MappedWords(own);
  const producer = new Producer({ samples, consumers }, idlePort(), { shape });
  const open = () => new Consumer({ samples, own }, idlePort(), { shape, number: 0, from });
  const send = () => assertEquals(producer.send(new Uint8Array(4)).kind, "sent");
  const first = open();
  send();
  send();
  const released = first.poll();
  assert(released.kind === "sample");
  released.release();
  assertEquals(first.poll().kind, "sample");
  consumerEnded(page, () => {});
  for (let at = 0; at < meanwhile; at++) send();
  consumerStarts(page);
  const next = open();
  send();
  const found: [number, number][] = [];
  for (let sample = next.poll(); sample.kind === "sample"; sample = next.poll()) {
    found.push([sample.sequence, sample.missed]);
    assertEquals(sample.release(), "intact");
  }
  return found;
}

Deno.test("Consumer that resumes gets what it had not given back, as far as it is kept", () => {
  assertEquals(nextInstance("keepAll", "resume", 3), [[2, 0], [3, 0], [4, 0], [5, 0], [6, 0]]);
  assertEquals(nextInstance("keepLast", "resume", 1), [[2, 0], [3, 0], [4, 0]]);
  // 22 was the newest when it took up the link, and of four the oldest is kept.
  const [first, ...others] = nextInstance("keepLast", "resume", 20);
  assertEquals(first, [19, 17]);
  assertEquals(others, [[20, 0], [21, 0], [22, 0], [23, 0]]);
});

Deno.test("Consumer that resumes where the ring has gone past its place goes on after what it found", () => {
  assertEquals(nextInstance("keepAll", "resume", 20), [[23, 21]]);
});

Deno.test("Consumer that begins at the newest counts nothing that it passes over as missed", () => {
  for (const history of ["keepAll", "keepLast"] as const) {
    assertEquals(nextInstance(history, "newest", 3), [[5, 0], [6, 0]]);
  }
});
