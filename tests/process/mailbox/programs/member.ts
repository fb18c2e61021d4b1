/**
 * One member of a mailbox as a process: `producer` or `consumer`, over inherited descriptors: 4 the
 * samples, from 5 the consumers' pages (a consumer: its own at 5, its doorbell at 6). What it is
 * told is in its one argument, as JSON; what it has to say goes to stdout, one JSON a line.
 * The data of a sample is derived from its number: a half-written one shows.
 */
import {
  CONSUMER_BYTES,
  type MailboxShape,
  segmentBytes,
} from "../../../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../../../src/child/mailbox/consumer.ts";
import { Producer } from "../../../../src/child/mailbox/producer.ts";
import type { Waiting } from "../../../../src/child/mailbox/spinning.ts";
import { mapReadOnly } from "../../../../src/os/futex.ts";
import { mapSharedMemory } from "../../../../src/os/shared_memory.ts";
import { consumerPort, producerPort } from "../../../support/mailbox_memory.ts";

/** What a member is told. */
export interface MemberTask {
  readonly role: "producer" | "consumer" | "echo" | "pinger";
  readonly shape: MailboxShape;
  readonly number: number;
  /** Producer: goes on up to this number. */
  readonly upTo: number;
  /** Producer: samples at a time. */
  readonly batch: number;
  /** Producer: how long it waits for room. */
  readonly blockNs: number;
  readonly waiting: Waiting;
  readonly from: "resume" | "newest";
  /** Consumer: tells of the first this many samples each, then of every hundredth. */
  readonly async: boolean;
}

const task = JSON.parse(Deno.args[0]!) as MemberTask;
const { shape } = task;
const say = (value: unknown) =>
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(value) + "\n"));

/** Word `at` of the data of a sample. */
function wordOf(sequence: number, at: number): number {
  return Math.imul(sequence + at, 0x9e37_79b1) | 0;
}

/** Samples differ in length as well. */
function lengthOf(sequence: number): number {
  return 8 + sequence % (shape.sampleBytes / 4 - 1) * 4;
}

function produce(): void {
  const samples = mapSharedMemory(4);
  const consumers = Array.from(
    { length: shape.consumers },
    (_, at) => mapReadOnly(5 + at, CONSUMER_BYTES),
  );
  const port = producerPort(samples, consumers);
  const producer = new Producer({ samples, consumers }, port, {
    shape,
    waiting: task.waiting,
    blockNs: task.blockNs,
  });
  say({ attached: producer.published });
  while (producer.published < task.upTo) {
    for (let at = 0; at < task.batch; at++) {
      const loan = producer.loan();
      if (loan.kind === "full") break;
      const words = new Int32Array(loan.bytes.buffer, loan.bytes.byteOffset, shape.sampleBytes / 4);
      loan.length = lengthOf(loan.sequence);
      for (let word = 0; word < loan.length / 4; word++) words[word] = wordOf(loan.sequence, word);
    }
    producer.publish();
  }
  say({ done: producer.published });
}

/** Checks each sample; the sum of all that it says is what the test compares. */
function consume(): void {
  const samples = mapReadOnly(4, segmentBytes(shape));
  const own = mapSharedMemory(5);
  const consumer = new Consumer({ samples, own }, consumerPort(samples, own), {
    shape,
    number: task.number,
    waiting: task.waiting,
    from: task.from,
  });
  let last = -1;
  let received = 0;
  let missed = 0;
  let overtaken = 0;
  let toldNs = 0;
  const tell = () => say({ last, received, missed, overtaken });
  for (;;) {
    const found = consumer.receive(20e9);
    if (found.kind !== "sample") {
      tell();
      say(found);
      return;
    }
    const { sequence, length, bytes, receivedNs } = found;
    if (last >= 0 && sequence !== last + found.missed + 1) {
      say({ wrong: `${sequence} after ${last}, missed ${found.missed}` });
    }
    // What is lent may be overwritten while it is read; then release() says so.
    const words = new Int32Array(bytes.buffer, bytes.byteOffset, length >> 2);
    let torn = length !== lengthOf(sequence);
    for (let word = 0; word < words.length; word++) torn ||= words[word] !== wordOf(sequence, word);
    missed += last >= 0 ? found.missed : 0;
    if (last < 0) say({ first: sequence });
    last = sequence;
    if (found.release() === "overtaken") overtaken++;
    else {
      received++;
      if (torn) say({ wrong: `torn: ${sequence}` });
    }
    // Nobody reads the pipe before the end: it must not fill up.
    if (receivedNs - toldNs > 20e6) {
      toldNs = receivedNs;
      tell();
    }
  }
}

/** The two ends of a round trip: mailbox 4, 5 there and 6, 7 back. */
function roundTrip(): void {
  const first = task.role === "pinger";
  const [out, outOwn, back, backOwn] = first ? [4, 5, 6, 7] : [6, 7, 4, 5];
  const outSamples = mapSharedMemory(out!);
  const outPages = [mapReadOnly(outOwn!, CONSUMER_BYTES)];
  const backSamples = mapReadOnly(back!, segmentBytes(shape));
  const own = mapSharedMemory(backOwn!);
  const { waiting } = task;
  const producer = new Producer(
    { samples: outSamples, consumers: outPages },
    producerPort(outSamples, outPages),
    { shape, waiting },
  );
  const port = consumerPort(backSamples, own);
  const consumer = new Consumer({ samples: backSamples, own }, port, {
    shape,
    number: 0,
    waiting,
    from: "resume",
  });
  const data = new Uint8Array(64);
  const times: number[] = [];
  for (let trip = 1; trip <= task.upTo; trip++) {
    const beganNs = port.nowNs();
    if (first) producer.send(data);
    const found = consumer.receive(20e9);
    if (found.kind !== "sample" || found.sequence !== trip) {
      say({ wrong: `trip ${trip}`, kind: found.kind });
      return;
    }
    found.release();
    if (!first) producer.send(data);
    else times.push(port.nowNs() - beganNs);
  }
  times.sort((a, b) => a - b);
  say({
    done: task.upTo,
    p50: times[times.length >> 1],
    p99: times[Math.floor(times.length * 0.99)],
  });
}

if (task.role === "producer") produce();
else if (task.role === "consumer") consume();
else roundTrip();
