/** `mailboxProducer()` and `mailboxConsumer()`: what they take, and all that they refuse. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { MailboxShape } from "../../../../src/channel/mailbox/layout.ts";
import { type Struct, structLayout } from "../../../../src/channel/mailbox/schema.ts";
import {
  connect,
  mailboxConsumer,
  MailboxError,
  mailboxProducer,
  NotSupervisedError,
  ReleasedError,
  struct,
} from "../../../../src/child/mod.ts";
import { idlePort, plainMailbox, shapeWith } from "../../../support/mailbox_memory.ts";

const LINKS = Symbol.for("coxswain.links");
const VITALS = struct({ t: "f64", lead: "u8", count: "u64", values: ["f32", 3], delta: "i16" });
let ports = 0;

interface More {
  readonly schema?: Struct;
  readonly checked?: boolean;
  readonly without?: "memory";
}

/** Leaves the record that the preload would; a port is taken once, so each test has its own. */
function supervised(changes: Partial<MailboxShape>, more: More = {}) {
  const layout = more.schema === undefined ? null : structLayout(more.schema);
  const shape = shapeWith({
    ...layout === null ? {} : { sampleBytes: layout.bytes, schemaHash: layout.hash },
    ...changes,
  });
  const memory = plainMailbox(shape);
  const calls = idlePort();
  const [out, into] = [`out${++ports}`, `in${ports}`];
  const base = {
    shape,
    ...layout === null ? {} : { schema: layout.text },
    waiting: "spin-then-park",
    spinNs: -1,
    checked: more.checked ?? false,
    samplesFd: -1,
  };
  const link = { name: `mailbox${ports}`, kind: "mailbox", fd: -1, limits: { capacityBytes: 0 } };
  const producer = { ...base, role: "producer", blockNs: 0, pageFds: [-1], doorbellFds: [] };
  const consumer = {
    ...base,
    ...{ role: "consumer", number: 0, behind: "oldest", from: "resume" },
    ...{ pageFds: [-1], doorbellFds: [] },
  };
  const { samples, consumers } = memory;
  const value = {
    version: 1,
    process: "p",
    notifyFd: null,
    gateFd: null,
    links: [
      { ...link, port: out, direction: "write", mailbox: producer },
      { ...link, port: into, direction: "read", mailbox: consumer },
      { ...link, port: "plain", kind: "pipe", direction: "read" },
    ],
    memory: more.without === "memory" ? null : {
      nowNs: calls.nowNs,
      pulse: null,
      mailboxes: [
        { role: "producer", port: out, samples, consumers, calls },
        { role: "consumer", port: into, samples, own: consumers[0]!, calls },
      ],
    },
  };
  Object.defineProperty(globalThis, LINKS, { value, configurable: true });
  const dispose = () => void Reflect.deleteProperty(globalThis, LINKS);
  return { out, into, memory, [Symbol.dispose]: dispose };
}

Deno.test("mailboxProducer() writes fields in place, mailboxConsumer() reads them there", () => {
  using crew = supervised({}, { schema: VITALS });
  const producer = mailboxProducer(crew.out, { schema: VITALS });
  const consumer = mailboxConsumer(crew.into, { schema: VITALS });
  const loan = producer.loan();
  assert(loan.kind === "loan");
  const { fields } = loan;
  fields.t = 1.5;
  fields.lead = 255;
  fields.count = 2n ** 63n + 1n;
  fields.values.set([1, 2, 3]);
  fields.delta = -2;
  producer.publish();
  assertThrows(() => fields.t, ReleasedError);
  assertThrows(() => fields.t = 2, ReleasedError);
  const sample = consumer.poll();
  assert(sample.kind === "sample");
  const { t, lead, count, values, delta } = sample.fields;
  assertEquals([t, lead, count, [...values], delta], [1.5, 255, 2n ** 63n + 1n, [1, 2, 3], -2]);
  assertEquals(sample.fields.values, values);
  const kept = sample.fields;
  assertThrows(() => (kept as { t: number }).t = 1, TypeError);
  assertEquals(sample.release(), "intact");
  assertThrows(() => kept.t, ReleasedError, '"t"');
  assertThrows(() => kept.values, ReleasedError, '"values"');
});

Deno.test("with `checked` fields and arrays are gone after publish() and release()", () => {
  using crew = supervised({}, { schema: VITALS, checked: true });
  const producer = mailboxProducer(crew.out, { schema: VITALS });
  const consumer = mailboxConsumer(crew.into, { schema: VITALS });
  const loan = producer.loan();
  assert(loan.kind === "loan");
  const written = loan.fields.values;
  const kept = loan.fields;
  written[2] = 7;
  producer.publish();
  assertEquals(written.length, 0);
  const sample = consumer.poll();
  assert(sample.kind === "sample");
  const { fields } = sample;
  const { values } = fields;
  assertEquals(values[2], 7);
  sample.release();
  assertEquals(values.length, 0);
  producer.loan();
  // The objects are others, so that the late uses are seen even now.
  assertThrows(() => kept.t = 1, ReleasedError);
  assertThrows(() => loan.bytes, ReleasedError);
  producer.publish();
  consumer.poll();
  assertThrows(() => fields.t, ReleasedError);
});

Deno.test("mailboxConsumer() and mailboxProducer() say both sides of a schema that differs", () => {
  using crew = supervised({}, { schema: VITALS });
  const other = struct({ t: "f32" });
  for (const open of [mailboxConsumer, mailboxProducer]) {
    const port = open === mailboxConsumer ? crew.into : crew.out;
    assertThrows(
      () => open(port, { schema: other }),
      TypeError,
      "its samples are struct{t:f64;lead:u8;count:u64;values:f32[3];delta:i16;} in the " +
        "configuration, and here struct{t:f32;}",
    );
    assertThrows(() => open(port), TypeError, "its samples are struct{t:f64");
  }
  // As bytes, if that is said.
  assertEquals(mailboxConsumer(crew.into, { schema: null }).poll(), { kind: "none" });
  using plain = supervised({});
  assertThrows(() => mailboxConsumer(plain.into, { schema: other }), TypeError, "are bytes");
});

Deno.test("a mailbox with a schema takes samples of its size alone", () => {
  using crew = supervised({}, { schema: VITALS });
  const producer = mailboxProducer(crew.out, { schema: VITALS });
  const { bytes } = structLayout(VITALS);
  assertThrows(() => producer.send(new Uint8Array(bytes - 1)), RangeError, `must have ${bytes}`);
  assertEquals(producer.send(new Uint8Array(bytes)).kind, "sent");
  const loose = new Int32Array(crew.memory.samples);
  const consumer = mailboxConsumer(crew.into, { schema: VITALS });
  // Somebody else wrote the length of the sample that was published.
  loose[4096 / 4 + (64 + 64) / 4 + 1] = bytes - 1;
  const { fault } = consumer.poll() as { fault: string };
  assertEquals(fault, `length of 1 must be ${bytes}, is ${bytes - 1}`);
  assertEquals(consumer.fault, fault);
});

Deno.test("mailboxProducer() refuses what is none, what is the other end, and a second owner", () => {
  using crew = supervised({});
  const { out, into } = crew;
  assertThrows(() => mailboxProducer("plain"), TypeError, "it is no mailbox (pipe)");
  assertThrows(() => mailboxProducer(into), TypeError, "use mailboxConsumer()");
  assertThrows(() => mailboxConsumer(out), TypeError, "use mailboxProducer()");
  assertThrows(() => connect(into), TypeError, "it is a mailbox; use mailboxConsumer()");
  assertThrows(() => mailboxConsumer("none"), RangeError, "this process has the links");
  mailboxProducer(out);
  assertThrows(() => mailboxProducer(out), TypeError, "taken before");
  const sample = mailboxConsumer(into).poll();
  assertEquals(sample.kind, "none");
});

Deno.test("mailboxConsumer() says when nobody mapped its memory, or supervises at all", () => {
  {
    using crew = supervised({}, { without: "memory" });
    assertThrows(() => mailboxConsumer(crew.into), TypeError, "Declare the program with deno()");
  }
  const alone = (open: () => unknown) => assertThrows(open, NotSupervisedError, "cox up").message;
  const { text } = structLayout(VITALS);
  assertStringIncludes(
    alone(() => mailboxConsumer("samples", { schema: VITALS })),
    `cox run --port 'samples=mailbox:${text}<-' -- `,
  );
  assertStringIncludes(
    alone(() => mailboxProducer("samples")),
    "cox run --port 'samples=mailbox:64KiB>-' -- ",
  );
});

Deno.test("mailboxConsumer() refuses memory that is another mailbox than the plan's", () => {
  using crew = supervised({});
  new Int32Array(crew.memory.samples)[3] = 9;
  assertThrows(() => mailboxConsumer(crew.into), MailboxError, "slots must be 8, is 9");
});

Deno.test("fields of a mailbox without a schema are refused with the reason", () => {
  using crew = supervised({});
  const loan = mailboxProducer(crew.out).loan();
  assert(loan.kind === "loan");
  assertThrows(() => loan.fields, TypeError, "without a schema");
});
