/**
 * A producer that corrupts its mailbox: a consumer in Python and one in C are told that the link has
 * ended and why, run on, and the event names the producer while they do. Those that come later are
 * refused, in Deno too; what else Deno does is tests/process/mailbox/supervised_test.ts's.
 */
import { assert, assertEquals } from "@std/assert";
import { compiledInC, PYTHON_ENV } from "../support/client_programs.ts";
import { startCrew } from "../support/crew.ts";
import { until } from "../process/support/harness.ts";
import { isThere } from "../support/programs.ts";

const CHILD = new URL("../../src/child/mod.ts", import.meta.url).href;
const missing = ["gcc", "python3"].filter((command) => !isThere(command));

/** `how`: what the producer does to memory once its consumers wait. */
const filesWith = (how: string) => ({
  "producer.ts": `
const { memory } = globalThis[Symbol.for("coxswain.links")];
const { samples, consumers } = memory.mailboxes[0];
const words = new Int32Array(samples);
const armed = consumers.map((page) => new Int32Array(page, 256, 1));
const SLOT = (4096 + 128) / 4;
const isWaiting = () => armed.every((word) => (Atomics.load(word, 0) & 3) === 1);
const looking = setInterval(() => {
  if (!isWaiting()) return;
  clearInterval(looking);
  ${how}
  setInterval(() => {}, 1000);
}, 5);
`,
  "read.py": `
import signal
from coxswain_mailbox import consumer
into = consumer("in")
found = into.receive()
print("ended", bool(found), "by", found.fault, into.fault == found.fault, into.poll() is found,
      list(into.samples()), flush=True)
signal.pause()
`,
  "read.c": `
#include "coxswain.h"
int main(void) {
  struct cox_consumer in;
  struct cox_sample sample;
  if (cox_consumer_connect(&in, "in", NULL) != COX_OK) return 100;
  int corrupt = cox_receive(&in, &sample, -1) == COX_CORRUPT;
  printf("ended %d by %s %d\\n", corrupt, in.fault, cox_poll(&in, &sample) == COX_CORRUPT);
  fflush(stdout);
  pause();
  return 0;
}
`,
  "late.ts": `
import { mailboxConsumer } from "${CHILD}";
try {
  mailboxConsumer("in");
} catch (error) {
  console.log("refused:", error.message);
}
setInterval(() => {}, 1000);
`,
  "late.py": `
import signal
from coxswain_mailbox import MailboxError, consumer
try:
    consumer("in")
except MailboxError as error:
    print("refused:", error, flush=True)
signal.pause()
`,
  "late.c": `
#include "coxswain.h"
int main(void) {
  struct cox_consumer in;
  int refused = cox_consumer_connect(&in, "in", NULL) == COX_CORRUPT;
  printf("refused: %d %s\\n", refused, in.fault);
  fflush(stdout);
  pause();
  return 0;
}
`,
});

const READERS = (file: string) => ({
  c: `{ run: ${compiledInC(`${file}.c`)}, after }`,
  deno: `{ run: deno("./${file}.ts"), after }`,
  python: `{ run: command(["python3", "./${file}.py"]), env: ${PYTHON_ENV}, after }`,
});

/** `producer` and `after`: what else is said of the one, and what the others wait for. */
const configWith = (
  readers: Readonly<Record<string, string>>,
  samples: string,
  producer = "",
  after = "{}",
) => `
import { command, defineConfig, deno, mailbox, struct } from "coxswain";
const after = ${after} as const;
export default defineConfig({
  name: "corrupt",
  processes: {
    producer: { run: deno("./producer.ts") ${producer} },
    ${Object.entries(readers).map(([name, source]) => `${name}: ${source}`)}
  },
  channels: {
    values: mailbox({
      from: "producer.out",
      to: ${JSON.stringify(Object.keys(readers).map((name) => `${name}.in`))},
      ${samples}
    }),
  },
});`;

interface Told {
  readonly process: string;
  readonly consumer: string;
  readonly fault: string;
}

const WAYS = {
  "a slot of another turn": {
    samples: 'sampleBytes: "64B"',
    how: "words[SLOT] = 77; Atomics.store(words, 16, 1);",
    fault: "turn of 1 must be 2, is 77",
  },
  "a sample that is shorter than its schema": {
    samples: 'schema: struct({ t: "f64", n: "u32" })',
    how: "words[SLOT + 1] = 4; words[SLOT + 2] = 1; words[SLOT] = 2; Atomics.store(words, 16, 1);",
    fault: "length of 1 must be 16, is 4",
  },
  "a state that there is not": {
    samples: 'sampleBytes: "64B"',
    how: "Atomics.store(words, 19, 9);",
    fault: "state must be 0 or 1, is 9",
  },
};
/** So that they look: nobody else wakes them. */
const RING = `
  Atomics.add(words, 20, 1);
  memory.mailboxes[0].calls.wakeConsumers();`;

for (const [what, { samples, how, fault }] of Object.entries(WAYS)) {
  Deno.test({
    name: "Python and C end their links while they run on, and an event names who wrote " + what +
      (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
    ignore: missing.length > 0,
    async fn() {
      const { c, python } = READERS("read");
      await using crew = await startCrew(configWith({ c, python }, samples), {
        files: filesWith(how + RING),
      });
      await judge(crew, fault, {
        c: `ended 1 by ${fault} 1`,
        python: `ended False by ${fault} True True []`,
      });
    },
  });
}

Deno.test({
  name: "Deno, Python and C refuse to open a corrupt mailbox, and an event names who wrote it" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    const fault = "slots must be 8, is 9";
    const files = filesWith("");
    await using crew = await startCrew(
      configWith(
        READERS("late"),
        'sampleBytes: "64B", slots: 8',
        ', ready: { by: "line", pattern: "done" }',
        '{ producer: "ready" }',
      ),
      {
        files: {
          ...files,
          "producer.ts": `
const { memory } = globalThis[Symbol.for("coxswain.links")];
new Int32Array(memory.mailboxes[0].samples)[3] = 9;
console.log("done");
setInterval(() => {}, 1000);
`,
        },
      },
    );
    await judge(crew, fault, {
      c: `refused: 1 ${fault}`,
      deno: `refused: Cannot open the mailbox: ${fault}`,
      python: `refused: Cannot open the mailbox: ${fault}`,
    });
  },
});

/** The events come while all run: nothing that has ended, and no snapshot, makes cox look. */
async function judge(
  crew: Awaited<ReturnType<typeof startCrew>>,
  fault: string,
  lines: Readonly<Record<string, string>>,
): Promise<void> {
  const readers = Object.keys(lines);
  const told = () =>
    crew.events().filter((event) => event.event === "mailboxCorrupt") as unknown as Told[];
  await until("an event of each", () => told().length === readers.length);
  const found = told().map(({ process, consumer, fault }) => [process, consumer, fault]);
  assertEquals(found.sort(), readers.map((reader) => ["producer", reader, fault]));
  await until("what they say", () => {
    const output = crew.output();
    return readers.every((reader) =>
      new RegExp(`^${reader} +\\| `, "m").test(output) && output.includes(`| ${lines[reader]}\n`)
    );
  });
  assert(!crew.events().some(({ event }) => event === "exit"), crew.output());
  await crew.snapshot();
  assertEquals(told().length, readers.length, "once each");
}
