/**
 * Direct pipes and pairs whose producers and consumers are killed under load: cells of the table
 * in docs/links.md. One crew for each role that is killed, with all mechanisms side by side.
 */
import { assert, assertEquals } from "@std/assert";
import { killOverAndOver, KILLS } from "./kill.ts";
import { gccMissing, LoadedCrew, type Stream } from "./load.ts";
import { type SinkVerdict, unheardOf, type Verdict, written } from "./judge.ts";

/** What a sink reads at a time: see `programs/sink.c`. */
const READ_BYTES = 4096;
const CELL_BYTES = 16;
/** Of the instances that were killed at least so many had come to work. */
const AT_WORK_MIN = KILLS / 3;
/** A write of up to so many bytes into a pipe is whole or is not. */
const SMALL = 4096;
const LONG = 20_000;

type Way = (from: readonly string[], to: readonly string[]) => string;
const direct: Way = ([from], [to]) => `pipe({ from: "${from}", to: "${to}" })`;
const pair = (type: string, ends = "eof"): Way => ([from], [to]) =>
  `socket({ between: ["${from}", "${to}"], type: "${type}", ends: "${ends}" })`;

/** What the table promises of a mechanism beside what it promises of all. */
interface Mechanism extends Stream {
  readonly title: string;
  /** The last message of a killed producer may be cut. */
  readonly cuts?: true;
  /** A consumer may begin within a message. */
  readonly beginsWithin?: true;
}

const SOCKET = { framing: "packets", max: LONG, port: { name: "talk", fd: 4 } } as const;
const BYTES: Mechanism = {
  title: "direct pipe, bytes",
  name: "bytes",
  framing: "bytes",
  max: LONG,
  channel: direct,
};
const LINES: Mechanism = {
  title: "direct pipe, lines up to 4096 bytes",
  name: "lines",
  framing: "lines",
  max: SMALL,
  channel: direct,
  beginsWithin: true,
};
const MECHANISMS: readonly Mechanism[] = [
  BYTES,
  LINES,
  { ...LINES, title: "direct pipe, NDJSON up to 4096 bytes", name: "ndjson", framing: "ndjson" },
  { ...LINES, title: "direct pipe, longer lines", name: "long", max: LONG, cuts: true },
  {
    ...BYTES,
    ...SOCKET,
    title: "stream pair",
    name: "stream",
    framing: "bytes",
    channel: pair("stream"),
  },
  { ...SOCKET, title: "seqpacket pair", name: "seqpacket", channel: pair("seqpacket") },
  { ...SOCKET, title: "datagram pair", name: "datagram", channel: pair("datagram", "hold") },
];
/** Among frames nothing is found again: no consumer of theirs is killed here. */
const FRAMES: Mechanism = {
  ...LINES,
  title: "direct pipe, frames up to 4096 bytes",
  name: "frames",
  framing: "frames",
};

/** A test of all mechanisms, with a step for each. */
function test(
  name: string,
  mechanisms: readonly Mechanism[],
  victims: (name: string) => readonly string[],
  check: (mechanism: Mechanism, sink: SinkVerdict, verdict: Verdict, why: string) => void,
): void {
  Deno.test({
    name,
    ignore: gccMissing !== null,
    async fn(t) {
      const seed = Math.floor(Math.random() * 2 ** 31);
      await using loaded = await LoadedCrew.start(mechanisms);
      const all = mechanisms.map((mechanism) => ({ names: victims(mechanism.name) }));
      await killOverAndOver(loaded.crew.runDir, seed, ...all);
      await loaded.finish();
      for (const mechanism of mechanisms) {
        await t.step(mechanism.title, () => {
          const sink = loaded.verdicts(mechanism.name)[0]!;
          const verdict = [...sink.bySource.values()][0]!;
          console.log(`${mechanism.title}: ${figures(loaded, mechanism, sink, verdict)}`);
          const why = `seed ${seed}`;
          assertEquals(verdict.faults, [], why);
          assertEquals([sink.ends, sink.outOfStep], [1, 0], why);
          check(mechanism, sink, verdict, why);
        });
      }
    },
  });
}

test(
  `producers are killed ${KILLS} times each: what they have written arrives, once and in order`,
  [...MECHANISMS, FRAMES],
  (name) => [`from-${name}`],
  ({ cuts }, sink, { heard, atSink, elsewhere }, why) => {
    assert(heard > AT_WORK_MIN, `${heard} were heard, ${why}`);
    assertEquals([sink.instances, atSink.times], [1, 0], why);
    if (!cuts) return assertEquals([sink.malformed, elsewhere.times], [0, 0], why);
    // The piece, and the first message of the next producer, which is one bad line with it.
    assert(sink.malformed <= KILLS, `${sink.malformed} malformed, ${why}`);
    assert(elsewhere.messages <= sink.malformed, `${elsewhere.messages} missing, ${why}`);
  },
);

test(
  `consumers are killed ${KILLS} times each: the next ones have what was not read, once and in order`,
  MECHANISMS,
  (name) => [`to-${name}`],
  (mechanism, sink, { heard, atSink, elsewhere }, why) => {
    assert(sink.instances > AT_WORK_MIN, `${sink.instances} were at work, ${why}`);
    assertEquals([heard, elsewhere.times], [1, 0], why);
    assert(atSink.times <= KILLS, `${atSink.times} times, ${why}`);
    const most = heldBytesMax(mechanism) * (1 + unheardOf(sink, KILLS));
    assert(atSink.bytesMost <= most, `${atSink.bytesMost} bytes at once, ${why}`);
    assert(sink.malformed <= (mechanism.beginsWithin ? KILLS : 0), `${sink.malformed}, ${why}`);
  },
);

test(
  `producers and consumers are killed at once ${KILLS} times: neither adds to the other's losses`,
  MECHANISMS,
  (name) => [`from-${name}`, `to-${name}`],
  (mechanism, sink, { atSink, elsewhere }, why) => {
    const { cuts, beginsWithin } = mechanism;
    assert(atSink.times <= KILLS, `${atSink.times} times, ${why}`);
    assert(atSink.bytes <= KILLS * heldBytesMax(mechanism), `${atSink.bytes} bytes, ${why}`);
    const malformedMax = (cuts ? KILLS : 0) + (beginsWithin ? KILLS : 0);
    assert(sink.malformed <= malformedMax, `${sink.malformed} malformed, ${why}`);
    assert(elsewhere.messages <= (cuts ? KILLS : 0), `${elsewhere.messages} missing, ${why}`);
  },
);

for (
  const [name, max, victim] of [
    ["direct pipe, longer frames: one that is cut takes with it what follows", 60_000, "from"],
    ["direct pipe, frames: who follows a killed consumer may find none again", SMALL, "to"],
  ] as const
) {
  Deno.test({
    name,
    ignore: gccMissing !== null,
    async fn() {
      const seed = Math.floor(Math.random() * 2 ** 31);
      await using loaded = await LoadedCrew.start([{ ...FRAMES, max }]);
      // Killed until it has happened: at most moments it is within a frame.
      for (let round = 0; round < 20; round++) {
        const victims = { names: [`${victim}-frames`], kills: 5 };
        await killOverAndOver(loaded.crew.runDir, seed + round, victims);
        const [sink] = loaded.verdicts("frames");
        if (sink!.malformed + sink!.outOfStep > 0) return;
      }
      throw new Error(`No frame was cut by 100 kills, seed ${seed}`);
    },
  });
}

/** What a killed sink may have read without a record of it, the rest of a begun message included. */
function heldBytesMax({ framing, max }: Stream): number {
  // The end of a cell says nothing of its place to the next.
  if (framing === "bytes") return READ_BYTES + 2 * CELL_BYTES;
  // One message, and no more.
  if (framing === "packets") return max;
  // A message that it had in part, what it read to that, and of the last what is still there.
  return READ_BYTES + 2 * max;
}

function figures(
  loaded: LoadedCrew,
  { name }: Mechanism,
  sink: SinkVerdict,
  { heard, atSink, elsewhere }: Verdict,
): string {
  const { messages, bytes } = written([...loaded.tallies(name).values()][0]!);
  return `${messages} messages, ${bytes} bytes of ${heard} producers to ${sink.instances} ` +
    `consumers; missing with killed consumers ${atSink.messages} messages, ${atSink.bytes} bytes ` +
    `(${atSink.bytesMost} at once), elsewhere ${elsewhere.messages}; ${sink.malformed} malformed`;
}
