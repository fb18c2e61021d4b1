/**
 * Mailboxes whose producer and consumers, all of them sealed programs, are killed under load: cells
 * of the table in docs/links.md. One crew with a mailbox of either history.
 */
import { assert, assertEquals } from "@std/assert";
import type { CrewSnapshot, MailboxSnapshot } from "../../../src/control/protocol.ts";
import { startCrew } from "../../support/crew.ts";
import { killOverAndOver, KILLS, type Victims } from "./kill.ts";

const CONFIG = `
import { defineConfig, deno, keepAll, keepLast, mailbox } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
const common = { sampleBytes: "256B", slots: 32, resume: "where-it-was" } as const;
export default defineConfig({
  name: "guarantees",
  processes: {
    producer: { run: deno("./producer.ts"), restart },
    all: { run: deno("./consumer.ts"), restart },
    last: { run: deno("./consumer.ts"), restart },
  },
  channels: {
    every: mailbox({ from: "producer.every", to: "all.in", ...common, history: keepAll }),
    newest: mailbox({ from: "producer.newest", to: "last.in", ...common, history: keepLast(16) }),
  },
});`;

/** Data is derived from the number, and so is the length: a half-written sample shows. */
const FILES = {
  "producer.ts": `
import { mailboxProducer } from "coxswain/child";
const boxes = [mailboxProducer("every"), mailboxProducer("newest")];
for (let round = 0;; round++) {
  for (const box of boxes) {
    const loan = box.loan();
    if (loan.kind === "full") continue;
    loan.length = 8 + loan.sequence % 31 * 8;
    new Float64Array(loan.bytes.buffer, loan.bytes.byteOffset, 32).fill(loan.sequence);
    box.publish();
  }
  // Others need the processor too.
  if (round % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
`,
  "consumer.ts": `
import { mailboxConsumer } from "coxswain/child";
const samples = mailboxConsumer("in");
let last = -1;
for await (const sample of samples) {
  const { sequence, missed, length } = sample;
  const values = new Float64Array(sample.bytes.buffer, sample.bytes.byteOffset, length / 8);
  const torn = length !== 8 + sequence % 31 * 8 || values.some((value) => value !== sequence);
  if (sample.release() === "intact" && torn) console.log("wrong: torn", sequence);
  if (last >= 0 && sequence !== last + missed + 1) console.log("wrong:", last, missed, sequence);
  last = sequence;
}
console.log("wrong: it ended");
`,
};

const boxOf = ({ channels }: CrewSnapshot, name: string) => channels[name] as MailboxSnapshot;

/** At work, as the memory says, since it was started. */
const WORK: Readonly<Record<string, (now: CrewSnapshot) => number>> = {
  producer: (now) => boxOf(now, "every").published + boxOf(now, "newest").published,
  all: (now) => boxOf(now, "every").consumers[0]!.received,
  last: (now) => boxOf(now, "newest").consumers[0]!.received,
};

Deno.test(`processes on mailboxes are killed ${KILLS} times each: whole samples, in order, and what was missed counted`, async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;
  await using crew = await startCrew(CONFIG, { files: FILES });
  const victims = Object.entries(WORK).map(([name, work]): Victims => ({
    names: [name],
    areAtWork: (now, atStart) => work(now) > work(atStart),
  }));
  await killOverAndOver(crew.runDir, seed, ...victims);
  await crew.until(
    "all are at work again",
    (now) => ["every", "newest"].every((name) => boxOf(now, name).consumers[0]!.connected),
  );
  const { producer } = (await crew.snapshot()).processes;
  Deno.kill(producer!.pid!, "SIGSTOP");
  const now = await crew.until(
    "what was published is received",
    (now) => ["every", "newest"].every((name) => boxOf(now, name).consumers[0]!.lag === 0),
  );
  for (const name of ["every", "newest"]) {
    const { published, consumers: [consumer] } = boxOf(now, name);
    const { received, missed, overtaken } = consumer!;
    assert(published > KILLS, `${published}`);
    // Each kill may leave the sample that was in hand counted twice, or not at all.
    const off = Math.abs(published - received - missed - overtaken);
    assert(
      off <= KILLS,
      `seed ${seed}, ${name}: off by ${off}: ${JSON.stringify(boxOf(now, name))}`,
    );
  }
  Deno.kill(producer!.pid!, "SIGCONT");
  for (const name of Object.keys(WORK)) assert(now.processes[name]!.starts > KILLS, name);
  assertEquals(crew.output().match(/wrong:.*/g), null, `seed ${seed}`);
});
