/**
 * One side of a mailbox that flows at full speed, `source` or `sink` (first argument). The second is
 * JSON, a {@linkcode Flow}. A sink writes samples a second to the file of its third argument.
 * Up to 64 bytes a sample's number is written and compared; larger ones are filled in place, all of
 * them, and copied out. The first tenth is a warm-up.
 */
import { mailboxConsumer, mailboxProducer } from "../../src/child/mod.ts";

/** What flows. */
export interface Flow {
  readonly samples: number;
  readonly bytes: number;
  /** Loans that are published at once, and samples that are taken at most at once. */
  readonly batch: number;
}

const [role, flow, file] = Deno.args as [string, string, string];
const { samples, bytes, batch } = JSON.parse(flow) as Flow;
const isWhole = bytes > 64;

if (role === "source") produce();
else Deno.writeTextFileSync(file, `${consume()}`);
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

function consume(): number {
  const into = mailboxConsumer("in");
  const copy = new Uint8Array(bytes);
  const warmUp = samples / 10;
  let number = 0;
  let fromNs = 0;
  let lastNs = 0;
  const take = (data: Uint8Array) => {
    number++;
    if (isWhole) copy.set(data);
    if ((isWhole ? copy[0] : data[0]) !== (number & 0xff)) throw new Error(`${number} is another`);
  };
  while (number < samples) {
    const found = batch === 1 ? into.receive() : into.receiveBatch(batch);
    if (found.kind === "sample") {
      take(found.bytes);
      lastNs = found.receivedNs;
      found.release();
    } else if (found.kind === "batch") {
      lastNs = found.samples[0]!.receivedNs;
      for (const { bytes } of found.samples) take(bytes);
      into.releaseAll();
    } else throw new Error(found.kind);
    if (fromNs === 0 && number >= warmUp) fromNs = lastNs;
  }
  return (samples - warmUp) / ((lastNs - fromNs) / 1e9);
}
