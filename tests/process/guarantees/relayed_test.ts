/**
 * Relayed pipes whose producers, consumers and `@relay` are killed under load: cells of the table
 * in docs/links.md, and what `@relay` has counted, to the message.
 */
import { assert, assertEquals } from "@std/assert";
import type { CrewSnapshot } from "../../../src/control/protocol.ts";
import { killOverAndOver, KILLS, type Victims } from "./kill.ts";
import { heldBytesMax, PIPE_BYTES, QUEUE_MESSAGES, relayedStreams } from "./relayed_streams.ts";
import { gccMissing, LoadedCrew, type Stream } from "./load.ts";
import { type SinkVerdict, unheardOf, type Verdict, written } from "./judge.ts";

/** Of the instances that were killed at least so many had come to work. */
const AT_WORK_MIN = KILLS / 3;

/** `@relay` takes its time to come back, the more the oftener it was killed: several at once. */
const RELAYS = 3;
const RELAY_KILLS = Math.ceil(KILLS / RELAYS);

/** One source as one sink has had it. */
interface Cell {
  readonly stream: Stream;
  readonly source: number;
  readonly sink: SinkVerdict;
  readonly verdict: Verdict;
  readonly why: string;
}

/** What is looked at when all has ended. */
interface Checks {
  /** One source at one sink. */
  readonly cell: (cell: Cell) => void;
  /** What `@relay` has counted of the channel. */
  readonly counters: (stream: Stream, loaded: LoadedCrew, why: string) => void;
}

/** A test of all kinds, with a step for each; in as many crews at once. */
function test(
  name: string,
  crews: number,
  victims: (streams: readonly Stream[]) => readonly Victims[],
  checks: Checks,
): void {
  Deno.test({
    name,
    ignore: gccMissing !== null,
    async fn(t) {
      const streams = relayedStreams();
      const seed = Math.floor(Math.random() * 2 ** 31);
      const why = `seed ${seed}`;
      await using stack = new AsyncDisposableStack();
      const all = await Promise.all(Array.from({ length: crews }, async (_, at) => {
        const loaded = stack.use(await LoadedCrew.start(streams));
        await killOverAndOver(loaded.crew.runDir, seed + at, ...victims(streams));
        await loaded.finish();
        return loaded;
      }));
      for (const loaded of all) {
        const abandoned = loaded.crew.events().filter(({ event }) => event === "pipeAbandoned");
        assertEquals(abandoned, [], why);
        for (const stream of streams) {
          await t.step(stream.name, () => check(loaded, stream, checks, why));
        }
      }
    },
  });
}

function check(loaded: LoadedCrew, stream: Stream, checks: Checks, why: string): void {
  for (const sink of loaded.verdicts(stream.name)) {
    assertEquals([sink.ends, sink.outOfStep], [1, 0], why);
    for (const [source, verdict] of sink.bySource) {
      console.log(figures(loaded, stream, source, sink, verdict));
      assertEquals(verdict.faults, [], why);
      checks.cell({ stream, source, sink, verdict, why });
    }
  }
  checks.counters(stream, loaded, why);
}

/** Each of these processes of every stream is killed by itself. */
const each = (namesOf: (stream: Stream) => readonly string[]) => (streams: readonly Stream[]) =>
  streams.flatMap(namesOf).map((name): Victims => ({ names: [name], livesMs: 30 }));

test(
  `producers of relayed pipes are killed ${KILLS} times each: what they have written arrives, whole`,
  1,
  each(({ name, sources = 1 }) => names(`from-${name}`, sources)),
  {
    cell({ sink, verdict: { heard, atSink, elsewhere }, why }) {
      assert(heard > AT_WORK_MIN, `${heard} were heard, ${why}`);
      assertEquals([sink.instances, sink.malformed], [1, 0], why);
      assertEquals([atSink.times, elsewhere.times], [0, 0], why);
    },
    counters(stream, loaded, why) {
      const { producers, consumers } = loaded.relayed(stream.name);
      const sinks = loaded.verdicts(stream.name);
      producers.forEach(({ messages, dropped }, at) => {
        const arrived = sinks.map(({ bySource }) => [...bySource.values()][at]!.messages);
        for (const count of arrived) assertEquals(count, messages - dropped.unfinished, why);
        assert(dropped.unfinished <= KILLS, `${dropped.unfinished} unfinished, ${why}`);
        assertEquals(sumOf(dropped), dropped.unfinished, why);
      });
      for (const { dropped } of consumers) assertEquals(sumOf(dropped), 0, why);
    },
  },
);

test(
  `consumers of relayed pipes are killed ${KILLS} times each: the next ones go on with a whole message`,
  1,
  each(({ name, sinks = 1 }) => names(`to-${name}`, sinks)),
  {
    cell({ stream, sink, verdict: { heard, atSink, elsewhere }, why }) {
      assert(sink.instances > AT_WORK_MIN, `${sink.instances} were at work, ${why}`);
      assertEquals([heard, sink.malformed, elsewhere.times], [1, 0, 0], why);
      assert(atSink.times <= KILLS, `${atSink.times} times, ${why}`);
      const most = heldBytesMax(stream) * (1 + unheardOf(sink, KILLS));
      assert(atSink.bytesMost <= most, `${atSink.bytesMost} bytes at once, ${why}`);
    },
    counters(stream, loaded, why) {
      const { producers, consumers } = loaded.relayed(stream.name);
      const sent = [...loaded.tallies(stream.name).values()].map(written);
      assertEquals(producers.map(({ messages, bytes }) => ({ messages, bytes })), sent, why);
      const all = sent.reduce((sum, { messages }) => sum + messages, 0);
      for (const { messages, dropped, queuedMessages } of consumers) {
        assertEquals([messages, sumOf(dropped), queuedMessages], [all, 0, 0], why);
      }
    },
  },
);

test(
  `@relay is killed ${KILLS} times: what its queues held is missing, no more, and counted`,
  RELAYS,
  () => [{ names: ["@relay"], kills: RELAY_KILLS, livesMs: 20, areAtWork: hasDelivered }],
  {
    cell({ stream, sink, verdict: { heard, atSink, elsewhere }, why }) {
      // What it held for this consumer, of which one is in the pipe in part.
      const most = RELAY_KILLS * (QUEUE_MESSAGES + 1);
      assert(elsewhere.messages <= most, `${elsewhere.messages} missing, ${why}`);
      if (isOverlong(stream)) {
        // A line that was in a pipe in part is a bad one. Of frames the consumer is restarted then,
        // or the producer's link ended.
        const isFrames = stream.framing === "frames";
        assert(sink.malformed <= (isFrames ? 0 : RELAY_KILLS), `${sink.malformed}, ${why}`);
        if (isFrames) return;
      } else assertEquals(sink.malformed, 0, why);
      assertEquals([heard, sink.instances, atSink.times], [1, 1, 0], why);
    },
    counters(stream, loaded, why) {
      const { producers, consumers } = loaded.relayed(stream.name);
      const missing = loaded.verdicts(stream.name).map((sink) => missingIn(loaded, stream, sink));
      for (const { dropped } of consumers) assertEquals(sumOf(dropped), dropped.lost, why);
      const lost = consumers.map(({ dropped }) => dropped.lost);
      const ofProducers = producers.reduce((sum, { dropped }) => sum + dropped.lost, 0);
      // Too many at most by what was on its way in or out.
      const most = sumOf(missing) + RELAY_KILLS * 2 * (QUEUE_MESSAGES + 1) * consumers.length;
      assert(sumOf(lost) <= most, `${lost} counted, ${missing} missing, ${why}`);
      if (isOverlong(stream)) {
        // What was taken in part was nobody's yet; frames that a torn pipe still held are one.
        if (stream.framing !== "frames") assert(ofProducers >= sumOf(missing), why);
        return;
      }
      lost.forEach((count, at) => assert(count >= missing[at]!, `${lost}, ${missing}, ${why}`));
      assert(ofProducers >= sumOf(missing), why);
    },
  },
);

function isOverlong({ max }: Stream): boolean {
  return max > PIPE_BYTES;
}

/** Whether every consumer was given something since. */
function hasDelivered(now: CrewSnapshot, before: CrewSnapshot): boolean {
  return Object.entries(now.channels).every(([name, channel]) => {
    const then = before.channels[name];
    if (channel.kind !== "relayed" || then?.kind !== "relayed") return true;
    return channel.consumers.every(({ messages }, at) => messages > then.consumers[at]!.messages);
  });
}

/** Messages that were written whole and did not arrive. */
function missingIn(loaded: LoadedCrew, { name }: Stream, { bySource }: SinkVerdict): number {
  return [...loaded.tallies(name)].reduce(
    (sum, [source, tally]) => sum + written(tally).messages - bySource.get(source)!.messages,
    0,
  );
}

function names(process: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => at === 0 ? process : `${process}-${at + 1}`);
}

function sumOf(dropped: object): number {
  return Object.values(dropped).reduce((sum, count) => sum + count, 0);
}

function figures(
  loaded: LoadedCrew,
  { name }: Stream,
  source: number,
  { instances }: SinkVerdict,
  { heard, atSink, elsewhere }: Verdict,
): string {
  const { messages, bytes } = written(loaded.tallies(name).get(source)!);
  return `${name}: ${messages} messages, ${bytes} bytes of ${heard} producers to ${instances} ` +
    `consumers; missing with killed consumers ${atSink.messages} messages, ${atSink.bytes} bytes ` +
    `(${atSink.bytesMost} at once), elsewhere ${elsewhere.messages} messages`;
}
