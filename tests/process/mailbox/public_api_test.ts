/** `coxswain/child` on mailboxes of real crews: typed samples, and waiting on the event loop. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { startCrew } from "../../support/crew.ts";

const CHILD = new URL("../../../src/child/mod.ts", import.meta.url).href;

const FILES = {
  "producer.ts": `
import { mailboxProducer, struct } from "${CHILD}";
const samples = mailboxProducer("samples", { schema: struct({ n: "u32", v: ["f32", 4] }) });
for (let n = 1; n <= 50; n++) {
  const loan = samples.loan();
  if (loan.kind !== "loan") throw new Error(loan.kind);
  loan.fields.n = n;
  loan.fields.v.fill(n / 2);
  samples.publish();
  if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
}
`,
  "consumer.ts": `
import { mailboxConsumer, ready, struct } from "${CHILD}";
using samples = mailboxConsumer("samples", { schema: struct({ n: "u32", v: ["f32", 4] }) });
let turns = 0;
const timer = setInterval(() => turns++, 1);
let sum = 0, last = 0;
await ready();
for await (const { fields, sequence, receivedNs, stampNs } of samples) {
  if (fields.v[3] !== fields.n / 2 || sequence !== last + 1) console.log("wrong:", sequence);
  if (receivedNs < stampNs) console.log("wrong: received before it was sent");
  last = sequence;
  sum += fields.n;
}
clearInterval(timer);
console.log("sum", sum, "turns", turns > 0, "then", samples.poll().kind, samples.fault);
`,
  "other.ts": `
import { mailboxConsumer, struct } from "${CHILD}";
mailboxConsumer("samples", { schema: struct({ n: "u64" }) });
`,
};

const config = (consumer: string, isReady: "notify" | "started") => `
import { defineConfig, deno, keepAll, mailbox, struct } from "coxswain";
const restart = { policy: "temporary" } as const;
export default defineConfig({
  name: "typed",
  processes: {
    consumer: { run: deno("./${consumer}"), restart, ready: { by: "${isReady}" } },
    producer: { run: deno("./producer.ts"), restart, after: { consumer: "ready" } },
  },
  channels: {
    samples: mailbox({
      from: "producer.samples",
      to: "consumer.samples",
      schema: struct({ n: "u32", v: ["f32", 4] }),
      slots: 64,
      history: keepAll,
      resume: "where-it-was",
    }),
  },
});`;

Deno.test("a sealed program reads typed samples in a for await, and its loop ends with the producer", async () => {
  await using crew = await startCrew(config("consumer.ts", "notify"), {
    files: FILES,
    waitForControl: false,
  });
  assertEquals((await crew.ended()).code, 0, crew.output());
  const output = crew.output();
  assertEquals(output.match(/wrong:.*/g), null, output);
  assertStringIncludes(output, "sum 1275 turns true then ended null");
});

Deno.test("a program that means another struct is told at its start, with both", async () => {
  await using crew = await startCrew(config("other.ts", "started"), {
    files: FILES,
    waitForControl: false,
  });
  await crew.ended();
  const output = crew.output();
  assert(
    output.includes("struct{n:u32;v:f32[4];} in the configuration, and here struct{n:u64;}"),
    output,
  );
});
