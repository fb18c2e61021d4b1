/** A producer that waits for room: how long it sleeps, and that it looks again in between. */
import { assert, assertEquals } from "@std/assert";
import { CURSOR, PRODUCER_ARMED } from "../../../../src/channel/mailbox/layout.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

const SETTLING_NS = 1e6;

/**
 * Sends one more than there is room for.
 *
 * @param blockNs how long that may wait.
 * @param onSleep what happens meanwhile: given the number of the sleep, from 1, and the consumer's cursor.
 */
function sendOneMore(blockNs: number, onSleep: (sleep: number, own: Int32Array) => void) {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 2 });
  const memory = plainMailbox(shape);
  const [words, own] = [new Int32Array(memory.samples), new Int32Array(memory.consumers[0]!)];
  const port = idlePort();
  const sleepsNs: number[] = [];
  let nowNs = 1000;
  const producer = new Producer(memory, {
    ...port,
    nowNs: () => nowNs++,
    waitForConsumer: (consumer, _seen, timeoutNs) => {
      assertEquals([consumer, words[PRODUCER_ARMED]! & 0xff], [0, 1]);
      nowNs += timeoutNs;
      onSleep(sleepsNs.push(timeoutNs), own);
    },
  }, { shape, blockNs, waiting: "park" });
  const sent = [1, 2, 3].map((at) => producer.send(new Uint8Array([at])).kind);
  assertEquals([sent.slice(0, 2), words[PRODUCER_ARMED]! & 0xff], [["sent", "sent"], 0]);
  return { last: sent[2], sleepsNs };
}

Deno.test("Producer finds a cursor that arrived without a ring after a millisecond", () => {
  const { last, sleepsNs } = sendOneMore(1e9, (_, own) => own[CURSOR] = 1);
  assertEquals([last, sleepsNs], ["sent", [SETTLING_NS]]);
});

Deno.test("Producer sleeps for all the time that is left when it is held back even then", () => {
  const { last, sleepsNs: [first, second, ...more] } = sendOneMore(1e9, (sleep, own) => {
    if (sleep === 2) own[CURSOR] = 1;
  });
  assertEquals([last, first, more], ["sent", SETTLING_NS, []]);
  assert(second! > 1e9 - SETTLING_NS - 100 && second! <= 1e9 - SETTLING_NS, `${second}`);
});

Deno.test("Producer does not sleep beyond blockNs while cursors arrive", () => {
  const { last, sleepsNs: [first, ...more] } = sendOneMore(SETTLING_NS / 2, () => {});
  assertEquals([last, more], ["full", []]);
  assert(first! > 0 && first! <= SETTLING_NS / 2, `${first}`);
});
