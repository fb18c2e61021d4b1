/**
 * A mailbox's lifespan and latency in one crew: what Deno, Python and C leave out, what they count as
 * late, and what the supervisor makes of it.
 */
import { assertEquals } from "@std/assert";
import type { MailboxSnapshot } from "../../src/control/protocol.ts";
import { compiledInC, PYTHON_ENV } from "../support/client_programs.ts";
import { startCrew } from "../support/crew.ts";
import { isThere } from "../support/programs.ts";

const CHILD = new URL("../../src/child/mod.ts", import.meta.url).href;
const SAMPLES = 40;

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
  "write_late.py": `
import os, time
from coxswain_mailbox import producer
out = producer("out")
while not os.path.exists("go"):
    assert out.send(b"fresh")
    time.sleep(0.01)
for n in range(${SAMPLES}):
    assert out.send(b"late", stamp_ns=n % 2)
while True:
    assert out.send(b"fresh")
    time.sleep(0.01)
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

const configWith = (writer: string, all: string, c: string, paths = "") => `
import { command, defineConfig, deno, keepAll, mailbox } from "coxswain";
const env = ${PYTHON_ENV};
export default defineConfig({
  name: "lifespans",
  processes: {
    deno: { run: deno("./read.ts") },
    python: { run: command(["python3", "./read.py"]), env },
    c: { run: ${compiledInC("read.c")} },
    writer: { run: command(["python3", "./${writer}"]), env, after: { deno: "ready", python: "ready", c: "ready" } },
  },
  channels: {
    values: mailbox({
      from: "writer.out",
      to: ["deno.in", "python.in", { port: "c.in", ${c} }],
      sampleBytes: "64B",
      slots: 4,
      history: keepAll,
      resume: "where-it-was",
      blockFor: "20s",
      ${all},
    }),
  },
  paths: { ${paths} },
});`;

Deno.test({
  name:
    "mailbox: Deno, Python and C deliver nothing that is older than its lifespan, and count it" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    await using crew = await startCrew(
      configWith("write.py", 'lifespan: "10s"', 'lifespan: "15s"'),
      { files: FILES, waitForControl: false },
    );
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

Deno.test({
  name:
    "mailbox: each sample that Deno, Python and C receive late is one miss of their latency, and of a path" +
    (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
  ignore: missing.length > 0,
  async fn() {
    const limit = '{ within: "1s", tolerate: { misses: 1000, in: 1001 } }';
    const latency = `latency: ${limit}`;
    const readers = ["deno", "python", "c"];
    // Two end at each: the second is counted beside the first.
    const paths = readers.flatMap((name) =>
      ["first", "second"].map((which) =>
        `"${name}-${which}": { through: ["values"], to: "${name}", ${limit.slice(1)}`
      )
    );
    await using crew = await startCrew(
      configWith("write_late.py", latency, latency, paths.join(", ")),
      { files: FILES, waitForControl: false },
    );
    const names = readers.flatMap((name) => [
      `values.latency@${name}`,
      `path.${name}-first`,
      `path.${name}-second`,
    ]);
    await crew.until(
      "all are judged",
      ({ deadlines }) => names.every((name) => deadlines[name]!.kept > 0),
    );
    const before = (await crew.snapshot()).deadlines;
    const counted = (found: typeof before) =>
      names.map((name) => found[name]!.missed - before[name]!.missed);
    Deno.writeTextFileSync(`${crew.projectDir}/go`, "");
    await crew.until(
      "what is late was missed",
      ({ deadlines }) => counted(deadlines).every((missed) => missed >= SAMPLES / 2),
    );
    const kept = (await crew.snapshot()).deadlines;
    await crew.until(
      "the monitor has looked again",
      ({ deadlines }) => names.every((name) => deadlines[name]!.kept > kept[name]!.kept),
    );
    assertEquals(counted((await crew.snapshot()).deadlines), names.map(() => SAMPLES / 2));
  },
});
