/** Mailboxes of real crews: sealed programs, commands, and what the supervisor makes of deaths. */
import { assert, assertEquals } from "@std/assert";
import type { ChannelsReport } from "../../../src/control/channels_report.ts";
import type { MailboxSnapshot } from "../../../src/control/protocol.ts";
import { coxCommand, eventually, startCrew, type TestCrew } from "../../support/crew.ts";

const CHILD = new URL("../../../src/child/", import.meta.url).href;
const PYTHON = new URL("../../../clients/python/", import.meta.url).pathname;

/** Sealed programs over the memory that their preload left. Data is derived from the number. */
const FILES = {
  "producer.ts": `
import { Producer } from "${CHILD}mailbox/producer.ts";
const { links, memory } = globalThis[Symbol.for("coxswain.links")];
const { mailbox } = links.find(({ port }) => port === "samples");
const { samples, consumers, calls } = memory.mailboxes.find(({ port }) => port === "samples");
const { shape, blockNs, waiting } = mailbox;
const producer = new Producer({ samples, consumers }, calls, { shape, blockNs, waiting });
for (;;) {
  const loan = producer.loan();
  if (loan.kind === "full") continue;
  new Float64Array(loan.bytes.buffer, loan.bytes.byteOffset, 8).fill(loan.sequence);
  producer.publish();
  if (loan.sequence % 64 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
}
`,
  "consumer.ts": `
import { Consumer } from "${CHILD}mailbox/consumer.ts";
const { links, memory } = globalThis[Symbol.for("coxswain.links")];
const { mailbox } = links.find(({ port }) => port === "samples");
const { samples, own, calls } = memory.mailboxes.find(({ port }) => port === "samples");
const { shape, number, from, behind, waiting } = mailbox;
const consumer = new Consumer({ samples, own }, calls, { shape, number, from, behind, waiting });
let last = -1;
for (;;) {
  const found = consumer.receive(1e9);
  if (found.kind === "none") continue;
  if (found.kind !== "sample") {
    console.log("end:", found.kind);
    break;
  }
  const values = new Float64Array(found.bytes.buffer, found.bytes.byteOffset, 8);
  const torn = values.some((value) => value !== found.sequence);
  const { sequence, missed } = found;
  if (found.release() === "intact" && torn) console.log("wrong: torn", sequence);
  if (last >= 0 && sequence !== last + missed + 1) console.log("wrong:", last, missed, sequence);
  last = sequence;
}
`,
};

function config(more: string, processes = ""): string {
  return `
import { command, defineConfig, deno, keepAll, keepLast, mailbox } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "mail",
  processes: {
    producer: { run: deno("./producer.ts"), restart },
    one: { run: deno("./consumer.ts"), restart },
    two: { run: deno("./consumer.ts"), restart },
    ${processes}
  },
  channels: {
    readings: mailbox({ from: "producer.samples", ${more} }),
  },
});`;
}

async function mailboxOf(crew: TestCrew): Promise<MailboxSnapshot> {
  const { channels } = await crew.snapshot();
  return channels["readings"] as MailboxSnapshot;
}

async function received(crew: TestCrew, what: string, counts: readonly number[]) {
  await crew.until(what, ({ channels }) => {
    const { consumers } = channels["readings"] as MailboxSnapshot;
    return consumers.every(({ received }, at) => received >= counts[at]!);
  });
}

for (const history of ["keepLast(4)", "keepAll"]) {
  Deno.test(`a mailbox with ${history} goes on while each of its processes is killed in turn`, async () => {
    await using crew = await startCrew(
      config(
        `to: ["one.samples", { port: "two.samples", resume: "where-it-was" }],
        sampleBytes: "64B", slots: 8, history: ${history}`,
      ),
      { files: FILES },
    );
    await received(crew, "samples flow", [100, 100]);
    for (let kill = 0; kill < 9; kill++) {
      const name = ["producer", "one", "two"][kill % 3]!;
      const pid = (await crew.process(name)).pid!;
      const before = (await mailboxOf(crew)).published;
      Deno.kill(pid, "SIGKILL");
      await crew.until(`${name} is back`, ({ processes }) => {
        const now = processes[name]!;
        return now.pid !== null && now.pid !== pid;
      });
      const { consumers, published } = await mailboxOf(crew);
      assert(published >= before, "the sequence goes on");
      await received(crew, "both read on", consumers.map(({ received }) => received + 100));
    }
    const { published, consumers } = await mailboxOf(crew);
    assert(published > 1000);
    for (const { received, missed, connected } of consumers) {
      assert(connected && received > 1000 && received + missed <= published + 100);
    }
    await crew.stop();
    assertEquals(crew.output().match(/wrong:.*/g), null, crew.output());
  });
}

Deno.test("a consumer that is suspended holds a keepAll producer back until it is killed", async () => {
  await using crew = await startCrew(
    config(
      `to: ["one.samples", "two.samples"], sampleBytes: "64B", history: keepAll, blockFor: "1s"`,
    ),
    { files: FILES },
  );
  await received(crew, "samples flow", [100, 100]);
  const pid = (await crew.process("two")).pid!;
  Deno.kill(pid, "SIGSTOP");
  let published = -1;
  await crew.until("the producer stands", ({ channels }) => {
    const now = (channels["readings"] as MailboxSnapshot).published;
    const stands = now === published;
    published = now;
    return stands;
  });
  Deno.kill(pid, "SIGKILL");
  await crew.until(
    "it goes on",
    ({ channels }) => (channels["readings"] as MailboxSnapshot).published > published + 1000,
  );
});

Deno.test("consumers are told when the producer has finally ended", async () => {
  await using crew = await startCrew(
    config(`to: ["one.samples", "two.samples"], sampleBytes: "64B"`)
      .replace('./producer.ts"), restart', './producer.ts"), restart: { policy: "temporary" }')
      .replaceAll('./consumer.ts"), restart', './consumer.ts"), restart: { policy: "transient" }'),
    { files: FILES },
  );
  await received(crew, "samples flow", [100, 100]);
  Deno.kill((await crew.process("producer")).pid!, "SIGKILL");
  await crew.ended();
  assertEquals(crew.output().match(/end: ended/g)?.length, 2, crew.output());
});

Deno.test("commands get the same memory by COX_LINKS", async () => {
  await using crew = await startCrew(
    config(
      `to: ["one.samples", "two.samples", "py.samples"], sampleBytes: "64B", slots: 64`,
      `py: { run: command(["python3", "py.py"]), restart, env: { PYTHONPATH: ${
        JSON.stringify(PYTHON)
      } } },`,
    ),
    {
      files: {
        ...FILES,
        "py.py": `
import json, os, mmap
(link,) = json.loads(os.environ["COX_LINKS"])["links"]
box = link["mailbox"]
assert link["kind"] == "mailbox" and link["direction"] == "read" and box["number"] == 2, link
shape = box["shape"]
size = link["limits"]["capacityBytes"]
samples = mmap.mmap(box["samplesFd"], size, mmap.MAP_SHARED, mmap.PROT_READ)
assert samples[0:4] == b"COXM"
own = mmap.mmap(box["pageFds"][0], 4096)
own[128:136] = __import__("struct").pack("<d", 4242.0)
os.fstat(box["doorbellFds"][0])
try:
    mmap.mmap(box["samplesFd"], size)
    print("wrong: mapped for writing")
except PermissionError:
    pass
print("mapped", flush=True)
__import__("time").sleep(1000)
`,
      },
    },
  );
  await received(crew, "Python has written its counter", [10, 10, 4242]);
  await crew.stop();
  assertEquals(crew.output().match(/wrong:.*/g), null, crew.output());
});

Deno.test("a producer that corrupts its mailbox is named in an event while its consumer runs on", async () => {
  await using crew = await startCrew(
    `
import { defineConfig, deno, mailbox } from "coxswain";
export default defineConfig({
  name: "corrupt",
  processes: {
    producer: { run: deno("./producer.ts"), after: { consumer: "ready" } },
    consumer: { run: deno("./consumer.ts"), ready: { by: "notify" } },
  },
  channels: { readings: mailbox({ from: "producer.out", to: "consumer.in", sampleBytes: "64B" }) },
});`,
    {
      files: {
        "producer.ts": `
const { memory } = globalThis[Symbol.for("coxswain.links")];
// The slot after the first says nothing that could be a sample.
const words = new Int32Array(memory.mailboxes[0].samples);
words[(4096 + 128) / 4] = 77;
Atomics.store(words, 64 / 4, 1);
setInterval(() => {}, 1000);
`,
        "consumer.ts": `
import { mailboxConsumer, ready } from "coxswain/child";
const samples = mailboxConsumer("in");
await ready();
setInterval(() => {
  const { kind } = samples.poll();
  if (kind === "corrupt") console.log("goes on");
}, 10);
`,
      },
    },
  );
  const told = () =>
    crew.events().filter((event) => event.event === "mailboxCorrupt") as unknown as {
      process: string;
      consumer: string;
      fault: string;
    }[];
  await eventually("the event", () => told().length > 0);
  assertEquals([told()[0]!.process, told()[0]!.consumer], ["producer", "consumer"]);
  assert(told()[0]!.fault.length > 0);
  await eventually("the consumer goes on", () => crew.output().includes("goes on"));
  await crew.snapshot();
  assertEquals(told().length, 1, "once");
});

Deno.test("a mailbox in huge pages, locked, works; where the machine has none a warning says so", async () => {
  const meminfo = Deno.readTextFileSync("/proc/meminfo");
  const free = Number(/^HugePages_Free:\s+(\d+)$/m.exec(meminfo)?.[1] ?? "0");
  await using crew = await startCrew(
    config(
      `to: ["one.samples", "two.samples"], sampleBytes: "64KiB", slots: 16, hugePages: true, lock: true`,
    ),
    { files: FILES },
  );
  await received(crew, "samples flow", [100, 100]);
  const warnings = crew.events().flatMap((event) =>
    event.event === "warning" && event.message.includes("Mailbox") ? [event.message] : []
  );
  const place = (await mailboxOf(crew)).memoryBytes;
  assert(place >= 16 * 65_536);
  for (const warning of warnings) {
    assert(/ordinary pages|can be swapped out/.test(warning), warning);
  }
  const isOrdinary = warnings.some((warning) => warning.includes("ordinary pages"));
  assertEquals(isOrdinary, free < 1, JSON.stringify(warnings));
});

Deno.test("a crew with much memory ends as any other, also while the kernel takes that back", async () => {
  await using crew = await startCrew(
    config(`to: ["one.samples", "two.samples"], sampleBytes: "128MiB", slots: 4`),
    { files: FILES },
  );
  await received(crew, "samples flow", [1, 1]);
  assertEquals((await crew.stop()).code, 0);
  assert(!crew.output().includes("guard"), crew.output());
});

Deno.test("cox channels shows a row for each consumer: lag, rate, and what it missed", async () => {
  await using crew = await startCrew(
    config(
      `to: ["one.samples", "two.samples"], sampleBytes: "64B", slots: 8, history: keepLast(4)`,
    ),
    { files: FILES },
  );
  await received(crew, "samples flow", [100, 100]);
  Deno.kill((await crew.process("two")).pid!, "SIGSTOP");
  const before = (await mailboxOf(crew)).published;
  await crew.until(
    "the producer goes on",
    ({ channels }) => (channels["readings"] as MailboxSnapshot).published > before + 100,
  );
  const [command = "", ...args] = coxCommand(["channels", "--json", "--run-dir", crew.runDir]);
  const { stdout } = await new Deno.Command(command, { args, cwd: crew.projectDir }).output();
  const { channels } = JSON.parse(new TextDecoder().decode(stdout)) as ChannelsReport;
  const rows = channels.map(({ channel, kind, from, to, unit }) => [channel, kind, from, to, unit]);
  assertEquals(rows, [
    ["readings", "mailbox", "producer.samples", "one.samples", "samples"],
    ["readings", "mailbox", "producer.samples", "two.samples", "samples"],
  ]);
  const [one, two] = channels;
  assert(one!.perSecond!.messages > 0 && one!.perSecond!.bytes > 0);
  assert(one!.total!.messages >= 100 && one!.total!.bytes >= 100 * 64);
  // The one that is suspended took its last before that.
  assert(one!.lastMs! >= 0 && two!.lastMs! > one!.lastMs!, JSON.stringify([one, two]));
  assertEquals([two!.fill, two!.capacity, two!.perSecond!.messages], [8, 8, 0]);
  assert(two!.dropped! >= 0);
  Deno.kill((await crew.process("two")).pid!, "SIGCONT");
});
