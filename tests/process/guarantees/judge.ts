/**
 * Judges what a sink has accepted against what the sources say they have written: what arrived
 * twice, out of order, or although nobody wrote it is a fault; what is missing is added up by
 * whether its consumer was killed in between. Pure.
 * Must not know: mechanisms, which loss is allowed.
 *
 * The layout of the log and of the tallies is that of `programs/message.h` and `source.c`.
 */

const RECORD_LENGTH = 8;
const TALLY_LENGTH = 4;
const FAULTS_SHOWN = 5;
const KIND = { message: 0, malformed: 1, begin: 2, end: 3, span: 4, outOfStep: 5 } as const;

/** What one source says of its instances: see `source.c`. */
export type Tally = Uint32Array;

/** What is missing. */
export interface Losses {
  /** Places in the log where something is missing. */
  times: number;
  messages: number;
  bytes: number;
  /** The most at one place. */
  bytesMost: number;
}

/** What became of a source's messages at one sink. */
export interface Verdict {
  /** The first few things that must never be. */
  readonly faults: string[];
  faultCount: number;
  messages: number;
  bytes: number;
  /** Instances of the source that were heard. */
  heard: number;
  /** Missing where the sink's instance changes. */
  readonly atSink: Losses;
  /** Missing within one life of the sink. */
  readonly elsewhere: Losses;
}

/** What a sink says of itself. */
export interface SinkVerdict {
  readonly bySource: ReadonlyMap<number, Verdict>;
  /** Neither whole messages nor bytes in their place. */
  readonly malformed: number;
  /** A length was found that cannot be, and nothing after it. */
  readonly outOfStep: number;
  /** How many instances have seen the end. */
  readonly ends: number;
  /** Number of instances. */
  readonly instances: number;
}

/**
 * How many sinks were killed before they had recorded anything: what they had in hand adds to the
 * loss of the one before.
 *
 * @param kills of this sink.
 */
export function unheardOf({ instances }: SinkVerdict, kills: number): number {
  return Math.max(0, kills + 1 - instances);
}

/** Where a source's stream stands. */
interface Place {
  instance: number;
  sequence: number;
  /** Bytes of the instance up to here. */
  at: number;
  sink: number;
}

/**
 * Judges one log.
 *
 * @param log records of eight numbers each.
 * @param tallies what each source says that may be heard here.
 */
export function judge(log: Uint32Array, tallies: ReadonlyMap<number, Tally>): SinkVerdict {
  const streams = new Map(
    [...tallies].map(([source, tally]) => [source, new StreamJudge(tally)]),
  );
  const counts = { malformed: 0, outOfStep: 0, ends: 0, instances: 0 };
  const [only] = streams.values();
  let sink = 0;
  for (let index = 0; index < log.length; index += RECORD_LENGTH) {
    const [kind, of, source] = log.subarray(index, index + 3) as unknown as number[];
    sink = of!;
    switch (kind) {
      case KIND.message:
      case KIND.span: {
        // Bytes do not say whose they are.
        const stream = source === 0 ? only : streams.get(source!);
        if (stream === undefined) throw new Error(`Source ${source} is none of this sink's`);
        stream.add(log, index);
        break;
      }
      case KIND.malformed:
        counts.malformed++;
        break;
      case KIND.begin:
        counts.instances++;
        break;
      case KIND.end:
        counts.ends++;
        break;
      case KIND.outOfStep:
        counts.outOfStep++;
        break;
      default:
        throw new Error(`A record of kind ${kind}`);
    }
  }
  const bySource = new Map(
    [...streams].map(([source, stream]) => [source, stream.finish(sink)]),
  );
  return { bySource, ...counts };
}

/** One source at one sink. */
class StreamJudge {
  readonly #tally: Tally;
  readonly #place: Place = { instance: 0, sequence: 0, at: 0, sink: 0 };
  readonly #verdict: Verdict = {
    faults: [],
    faultCount: 0,
    messages: 0,
    bytes: 0,
    heard: 0,
    atSink: noLosses(),
    elsewhere: noLosses(),
  };

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Takes the next record in. */
  add(log: Uint32Array, index: number): void {
    const [kind, sink, , instance, sequence, at, bytes] = log.subarray(
      index,
      index + RECORD_LENGTH,
    ) as unknown as [number, number, number, number, number, number, number];
    const place = this.#place;
    const isSpan = kind === KIND.span;
    const name = isSpan ? `bytes ${at}…` : `message ${sequence}`;
    if (instance < place.instance) {
      return this.#fault(`${name} of instance ${instance} after one of ${place.instance}`);
    }
    const missing = { messages: 0, bytes: 0 };
    if (instance > place.instance) {
      this.#skipTo(instance, missing);
      this.#verdict.heard++;
    }
    if (at < place.at || (!isSpan && sequence <= place.sequence)) {
      return this.#fault(`${name} of instance ${instance} comes twice, or after its next`);
    }
    if (!isSpan && (sequence === place.sequence + 1) !== (at === place.at)) {
      return this.#fault(`${name} of instance ${instance} says that it begins at ${at}`);
    }
    if (at + bytes > this.#said(instance, "begunBytes")) {
      return this.#fault(`${name} of instance ${instance} was never written`);
    }
    missing.messages += isSpan ? 0 : sequence - place.sequence - 1;
    missing.bytes += at - place.at;
    this.#lose(missing, sink);
    place.sequence = sequence;
    place.at = at + bytes;
    place.sink = sink;
    this.#verdict.messages++;
    this.#verdict.bytes += bytes;
  }

  /** @param sink the last instance of the sink. */
  finish(sink: number): Verdict {
    const missing = { messages: 0, bytes: 0 };
    this.#skipTo(this.#tally.length / TALLY_LENGTH, missing);
    this.#lose(missing, sink);
    return this.#verdict;
  }

  /** What earlier instances have written and is not there is missing. */
  #skipTo(instance: number, missing: { messages: number; bytes: number }): void {
    const place = this.#place;
    for (; place.instance < instance; place.instance++) {
      // What was begun and not said to be written may have arrived all the same.
      missing.messages += Math.max(0, this.#said(place.instance, "done") - place.sequence);
      missing.bytes += Math.max(0, this.#said(place.instance, "doneBytes") - place.at);
      place.sequence = 0;
      place.at = 0;
    }
  }

  #said(instance: number, what: "done" | "doneBytes" | "begunBytes"): number {
    const field = { done: 1, doneBytes: 2, begunBytes: 3 }[what];
    return this.#tally[instance * TALLY_LENGTH + field] ?? 0;
  }

  #lose({ messages, bytes }: { messages: number; bytes: number }, sink: number): void {
    if (messages === 0 && bytes === 0) return;
    const losses = sink === this.#place.sink ? this.#verdict.elsewhere : this.#verdict.atSink;
    losses.times++;
    losses.messages += messages;
    losses.bytes += bytes;
    losses.bytesMost = Math.max(losses.bytesMost, bytes);
  }

  #fault(what: string): void {
    if (++this.#verdict.faultCount <= FAULTS_SHOWN) this.#verdict.faults.push(what);
  }
}

function noLosses(): Losses {
  return { times: 0, messages: 0, bytes: 0, bytesMost: 0 };
}

/** How much a source says it has written as a whole, all instances together. */
export function written(tally: Tally): { readonly messages: number; readonly bytes: number } {
  let messages = 0;
  let bytes = 0;
  for (let index = 0; index < tally.length; index += TALLY_LENGTH) {
    messages += tally[index + 1]!;
    bytes += tally[index + 2]!;
  }
  return { messages, bytes };
}
