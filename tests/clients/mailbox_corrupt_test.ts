/**
 * A producer that corrupts its mailbox: a consumer in Python and one in C are told that the link has
 * ended and why, run on, and the event names the producer while they do.
 */
import { assert, assertEquals } from "@std/assert";
import { startCrew } from "../support/crew.ts";
import { until } from "../process/support/harness.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const isThere = (command: string) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${command}`], stdout: "null" })
    .outputSync().success;
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

const configWith = (file: string, first: string, samples: string) => `
import { command, defineConfig, deno, mailbox, struct } from "coxswain";
const env = { PYTHONPATH: "${ROOT}clients/python", PYTHONDONTWRITEBYTECODE: "1" };
const after = ${first === "producer" ? '{ producer: "ready" }' : "{}"} as const;
export default defineConfig({
  name: "corrupt",
  processes: {
    producer: { run: deno("./producer.ts")${
  first === "producer" ? ', ready: { by: "line", pattern: "done" }' : ""
} },
    python: { run: command(["python3", "./${file}.py"]), env, after },
    c: { run: command(["sh", "-c", 'program=$(mktemp) && gcc -O2 -Wall -Werror ' +
      '-I ${ROOT}clients/c -o "$program" ${file}.c && exec 9<"$program" && rm "$program" && ' +
      'exec /proc/self/fd/9']), after },
  },
  channels: { values: mailbox({ from: "producer.out", to: ["python.in", "c.in"], ${samples} }) },
});`;

interface Told {
  readonly process: string;
  readonly consumer: string;
  readonly fault: string;
}

const WAYS = {
  "a slot that nobody wrote": {
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
      await using crew = await startCrew(configWith("read", "consumers", samples), {
        files: filesWith(how + RING),
      });
      await judge(crew, fault, [`ended False by ${fault} True True []`, `ended 1 by ${fault} 1`]);
    },
  });
}

Deno.test({
  name: "Python and C refuse to open a corrupt mailbox, and an event names who wrote it" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    const fault = "slots must be 8, is 9";
    const files = filesWith("");
    await using crew = await startCrew(
      configWith("late", "producer", 'sampleBytes: "64B", slots: 8'),
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
    await judge(crew, fault, [
      `refused: Cannot open the mailbox: ${fault}`,
      `refused: 1 ${fault}`,
    ]);
  },
});

/** The events come while both run: nothing that has ended, and no snapshot, makes cox look. */
async function judge(
  crew: Awaited<ReturnType<typeof startCrew>>,
  fault: string,
  lines: readonly [python: string, c: string],
): Promise<void> {
  const told = () =>
    crew.events().filter((event) => event.event === "mailboxCorrupt") as unknown as Told[];
  await until("both events", () => told().length === 2);
  const found = told().map(({ process, consumer, fault }) => [process, consumer, fault]).sort();
  assertEquals(found, [["producer", "c", fault], ["producer", "python", fault]]);
  const [python, c] = lines;
  await until("what they say", () => {
    const output = crew.output();
    return output.includes(`| ${python}\n`) && output.includes(`| ${c}\n`);
  });
  assert(!crew.events().some(({ event }) => event === "exit"), crew.output());
  await crew.snapshot();
  assertEquals(told().length, 2, "once each");
}
