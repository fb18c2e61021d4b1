/** A mailbox's lifespan in one crew: what Deno, Python and C leave out, and what the supervisor shows. */
import { assertEquals } from "@std/assert";
import type { MailboxSnapshot } from "../../src/control/protocol.ts";
import { startCrew } from "../support/crew.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const CHILD = new URL("../../src/child/mod.ts", import.meta.url).href;
const SAMPLES = 40;

const isThere = (command: string) =>
  new Deno.Command("sh", { args: ["-c", `command -v ${command}`], stdout: "null" })
    .outputSync().success;
const missing = ["gcc", "python3"].filter((command) => !isThere(command));

/** Every other sample is stamped as if it were from the machine's start. */
const FILES = {
  "write.py": `
from coxswain_mailbox import producer
out = producer("out")
for n in range(1, ${SAMPLES} + 1):
    assert out.send(b"%08d" % n, stamp_ns=n % 2)
import signal
signal.pause()
`,
  "read.ts": `
import { mailboxConsumer } from "${CHILD}";
const into = mailboxConsumer("in");
let wrong = 0, last = 0;
for await (const { sequence, missed } of into) {
  if (sequence !== last + 2 || missed !== 0) wrong++;
  last = sequence;
  if (last === ${SAMPLES}) console.log("wrong", wrong);
}
`,
  "read.py": `
from coxswain_mailbox import consumer
wrong = last = 0
for sample in consumer("in").samples():
    wrong += sample.sequence != last + 2 or sample.missed != 0
    last = sample.sequence
    sample.release()
    if last == ${SAMPLES}:
        print("wrong", wrong, flush=True)
`,
  "read.c": `
#include "coxswain.h"
int main(void) {
  struct cox_consumer in;
  struct cox_sample sample;
  unsigned wrong = 0, last = 0;
  if (cox_consumer_connect(&in, "in", NULL) != COX_OK) return puts(in.fault), 100;
  while (cox_receive(&in, &sample, -1) == COX_SAMPLE) {
    wrong += sample.sequence != last + 2 || sample.missed != 0;
    last = (unsigned)sample.sequence;
    cox_release(&in, &sample);
    if (last == ${SAMPLES}) printf("wrong %u\\n", wrong), fflush(stdout);
  }
  return 0;
}
`,
};

const CONFIG = `
import { command, defineConfig, deno, keepAll, mailbox } from "coxswain";
const env = { PYTHONPATH: "${ROOT}clients/python", PYTHONDONTWRITEBYTECODE: "1" };
export default defineConfig({
  name: "lifespans",
  processes: {
    deno: { run: deno("./read.ts") },
    python: { run: command(["python3", "./read.py"]), env },
    c: { run: command(["sh", "-c", 'program=$(mktemp) && gcc -O2 -Wall -Werror ' +
      '-I ${ROOT}clients/c -o "$program" read.c && exec 9<"$program" && rm "$program" && ' +
      'exec /proc/self/fd/9']) },
    writer: { run: command(["python3", "./write.py"]), env, after: { deno: "ready", python: "ready", c: "ready" } },
  },
  channels: {
    values: mailbox({
      from: "writer.out",
      to: ["deno.in", "python.in", { port: "c.in", lifespan: "15s" }],
      sampleBytes: "64B",
      slots: 4,
      history: keepAll,
      resume: "where-it-was",
      blockFor: "20s",
      lifespan: "10s",
    }),
  },
});`;

Deno.test({
  name:
    "mailbox: Deno, Python and C deliver nothing that is older than its lifespan, and count it" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    await using crew = await startCrew(CONFIG, { files: FILES, waitForControl: false });
    await crew.until("all are read or have expired", ({ channels }) => {
      const { consumers } = channels["values"] as MailboxSnapshot;
      return consumers.every(({ received, expired }) => received + expired >= SAMPLES);
    });
    const { consumers, published } = (await crew.snapshot()).channels["values"] as MailboxSnapshot;
    assertEquals(published, SAMPLES);
    for (const { received, expired, missed, overtaken, lag } of consumers) {
      assertEquals([received, expired, missed, overtaken, lag], [
        SAMPLES / 2,
        SAMPLES / 2,
        0,
        0,
        0,
      ]);
    }
    await crew.stop();
    for (const reader of ["deno", "python", "c"]) {
      const line = new RegExp(`^${reader} +\\| wrong 0$`, "m");
      assertEquals(line.test(crew.output()), true, crew.output());
    }
  },
});
