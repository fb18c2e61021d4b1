/**
 * One side of a mailbox that flows at full speed, `source` or `sink` (first argument). The second is
 * JSON, a {@linkcode Flow}. A sink writes samples a second to the file of its third argument.
 * Up to 64 bytes a sample's number is written and compared; larger ones are filled in place, all of
 * them, and copied out. Typed ones have it in a field. The first tenth is a warm-up.
 */
import { mailboxConsumer, mailboxProducer, struct } from "../../src/child/mod.ts";

/** What flows. */
export interface Flow {
  readonly samples: number;
  readonly bytes: number;
  /** Loans that are published at once, and samples taken at most at once. 1 where they are large. */
  readonly batch: number;
  /** Samples have the fields of {@linkcode FIELDS}, 64 bytes. */
  readonly typed: boolean;
}

/** The fields of typed samples; in the configuration as well. */
const FIELDS = { number: "u32", rest: ["u32", 15] } as const;

const [role, flow, file] = Deno.args as [string, string, string];
const { samples, bytes, batch, typed } = JSON.parse(flow) as Flow;
const isWhole = bytes > 64;
const warmUp = samples / 10;

if (role === "source") typed ? produceTyped() : produce();
else {
  const rate = typed ? consumeTyped() : batch > 1 ? consumeBatches() : consume();
  Deno.writeTextFileSync(file, `${rate}`);
}
Deno.exit(0);

function produce(): void {
  const out = mailboxProducer("out");
  let number = 0;
  while (number < samples) {
    for (let at = 0; at < batch && number < samples; at++) {
      const loan = out.loan();
      if (loan.kind === "full") break;
      number++;
      if (isWhole) loan.bytes.fill(number);
      else loan.bytes[0] = number;
    }
    out.publish();
  }
}

function produceTyped(): void {
  const out = mailboxProducer("out", { schema: struct(FIELDS) });
  let number = 0;
  while (number < samples) {
    const loan = out.loan();
    if (loan.kind === "full") continue;
    loan.fields.number = ++number;
    out.publish();
  }
}

function consumeTyped(): number {
  const into = mailboxConsumer("in", { schema: struct(FIELDS) });
  let fromNs = 0;
  for (let number = 1;; number++) {
    const found = into.receive();
    if (found.kind !== "sample") throw new Error(found.kind);
    if (found.fields.number !== number) throw new Error(`${number} is another`);
    const { receivedNs } = found;
    found.release();
    if (number === warmUp) fromNs = receivedNs;
    if (number === samples) return rateFrom(fromNs, receivedNs);
  }
}

function consume(): number {
  const into = mailboxConsumer("in");
  const copy = new Uint8Array(bytes);
  let fromNs = 0;
  for (let number = 1;; number++) {
    const found = into.receive();
    if (found.kind !== "sample") throw new Error(found.kind);
    const data = found.bytes;
    if (isWhole) copy.set(data);
    if ((isWhole ? copy : data)[0] !== (number & 0xff)) throw new Error(`${number} is another`);
    const { receivedNs } = found;
    found.release();
    if (number === warmUp) fromNs = receivedNs;
    if (number === samples) return rateFrom(fromNs, receivedNs);
  }
}

function consumeBatches(): number {
  const into = mailboxConsumer("in");
  let number = 0;
  let fromNs = 0;
  for (;;) {
    const found = into.receiveBatch(batch);
    if (found.kind !== "batch") throw new Error(found.kind);
    for (const { bytes } of found.samples) {
      if (bytes[0] !== (++number & 0xff)) throw new Error(`${number} is another`);
    }
    const { receivedNs } = found.samples[0]!;
    into.releaseAll();
    if (fromNs === 0 && number >= warmUp) fromNs = receivedNs;
    if (number === samples) return rateFrom(fromNs, receivedNs);
  }
}

/** Samples a second, behind the warm-up. */
function rateFrom(fromNs: number, endNs: number): number {
  return (samples - warmUp) / ((endNs - fromNs) / 1e9);
}
