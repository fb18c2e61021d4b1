/**
 * Takes samples from a mailbox, alone from stdin, judges them against a running baseline, passes
 * them on with its findings on stdout, and tells people on stderr: vitals once a second, with the
 * age of the sample at its receipt, and each alert at once. Needs no permission at all: its links
 * are all it has.
 */
import {
  isSupervised,
  mailboxConsumer,
  readNdjson,
  ready,
  status,
  stopSignal,
  struct,
  writeNdjson,
} from "coxswain/child";
import { Detector, WARM_UP_SAMPLES } from "./detector_rules.ts";
import { READING_FIELDS, readReading } from "./reading.ts";
import { parseSample, type Sample } from "./sample.ts";
import { formatAlert, formatVitals } from "./vitals_line.ts";

const LINE_EVERY_SAMPLES = 50;
const HISTORY_LENGTH = 20;

if (isSupervised()) {
  await ready();
  await status(`learning what is usual from the first ${WARM_UP_SAMPLES} samples`);
}

const detector = new Detector();
const cpuHistory: number[] = [];
let count = 0;
/** Of the newest sample, when it came; null: it did not come through a mailbox. */
let ageMs: number | null = null;

for await (const sample of isSupervised() ? fromMailbox() : fromStdin()) {
  const judged = detector.judge(sample);
  await writeNdjson(judged);
  for (const alert of judged.alerts) console.error(formatAlert(alert));
  if (++count % LINE_EVERY_SAMPLES !== 0) continue;
  cpuHistory.push(judged.cpu);
  if (cpuHistory.length > HISTORY_LENGTH) cpuHistory.shift();
  console.error(formatVitals(judged, cpuHistory, ageMs));
  if (isSupervised()) await status(`${count} samples judged`);
}

async function* fromMailbox(): AsyncGenerator<Sample> {
  const readings = mailboxConsumer("readings", { schema: struct(READING_FIELDS) });
  const stop = stopSignal();
  // Whoever waits for a sample that does not come is woken to end.
  stop.addEventListener("abort", () => readings[Symbol.dispose](), { once: true });
  for await (const reading of readings) {
    const sample = readReading(reading.fields);
    ageMs = (reading.receivedNs - reading.originNs) / 1e6;
    // One that was overwritten while it was read is none; the next one is there already.
    if (reading.release() === "intact") yield sample;
    if (stop.aborted) return;
  }
}

function fromStdin(): AsyncIterable<Sample> {
  return readNdjson(Deno.stdin.readable, {
    signal: stopSignal(),
    parse: parseSample,
    // One bad line must not end the watch; it is reported with its place in the stream.
    onBadLine: (error) => console.error(`skipped: ${error.message}`),
  });
}
