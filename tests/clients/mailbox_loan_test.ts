/**
 * What the Python client lends: a slot to write in place, a sample to read in place, and that each
 * use of either that comes too late is found. What is written and read by way of them is
 * mailbox_clients_test.ts's.
 */
import { assertEquals } from "@std/assert";
import { closeFd } from "../../src/os/pipe.ts";
import { outputOf, shellRequest, temporaryDirectory } from "../process/support/harness.ts";
import { shapeWith, sharedMailbox } from "../support/mailbox_memory.ts";

const CLIENT = new URL("../../clients/python", import.meta.url).pathname;
const hasPython = new Deno.Command("sh", { args: ["-c", "command -v python3"], stdout: "null" })
  .outputSync().success;

/** `err(f)` is what `f` raises, by its name; `array_of` is what numpy does as well. */
const PRELUDE = `
import ctypes, sys
sys.path.insert(0, "${CLIENT}")
sys.dont_write_bytecode = True
from coxswain_mailbox import *
def err(call, *args, **options):
    try:
        return call(*args, **options)
    except Exception as error:
        return type(error).__name__
def array_of(view):
    return (ctypes.c_ubyte * len(view)).from_buffer(view)
SCHEMA = "struct{n:u32;values:f32[2];}"
`;

interface Case {
  readonly name: string;
  /** Of a mailbox of 4 slots and 16 bytes, keepLast 2 unless said otherwise. */
  readonly keepAll?: boolean;
  readonly struct?: boolean;
  readonly body: string;
  /** What it prints. */
  readonly lines: readonly string[];
}

async function printed({ keepAll = false, struct = false, body }: Case): Promise<string[]> {
  using dir = temporaryDirectory();
  const shape = shapeWith({
    slots: 4,
    sampleBytes: struct ? 12 : 16,
    ...(keepAll ? { history: "keepAll" } : { keep: 2 }),
  });
  const { samples, consumers } = sharedMailbox(shape);
  const made = `
shape = Shape(4, ${shape.sampleBytes}, keep=${shape.keep}, keep_all=${keepAll ? "True" : "False"})
schema = ${struct ? "SCHEMA" : "None"}
def producer_of(**options): return Producer(4, [5], shape, schema=schema, **options)
def consumer_of(**options): return Consumer(4, 5, 0, shape, schema=schema, resume=True, **options)
`;
  Deno.writeTextFileSync(`${dir.path}/body.py`, PRELUDE + made + body);
  const { text } = await outputOf(shellRequest(`exec python3 ${dir.path}/body.py`, {
    descriptors: [{ fd: 4, source: samples.fd }, { fd: 5, source: consumers[0]!.fd }],
  }));
  for (const { fd } of [samples, ...consumers]) closeFd(fd);
  return text.trimEnd().split("\n");
}

const CASES: readonly Case[] = [
  {
    name: "Producer.loan() lends the slot itself, and publish() ends the view",
    body: `
out, into = producer_of(), consumer_of()
with out.loan() as loan:
    print(loan.data.readonly, len(loan.data), loan.sequence, out.published, into.poll())
    loan.data[:5] = b"hello"
    loan.publish(5)
    print(err(lambda: loan.data[0]), err(loan.publish), err(loan.discard), loan.is_lent)
sample = into.poll()
print(bytes(sample.data), sample.sequence, sample.stamp_ns > 0, sample.release())
small = out.loan(3)
print(len(small.data), err(small.publish, 4), err(small.publish, -1), err(out.loan, 17))
small.publish()
print(len(into.poll().data))
`,
    lines: [
      "False 16 1 0 None",
      "ValueError ValueError ValueError False",
      "b'hello' 1 True True",
      "3 ValueError ValueError ValueError",
      "3",
    ],
  },
  {
    name: "Loan gives its slot back where it is left without being published",
    body: `
out, into = producer_of(), consumer_of()
with out.loan() as loan:
    loan.data[:] = b"x" * 16
print(err(lambda: loan.data[0]), err(loan.publish), out.published, into.poll())
out = producer_of(checked=True)
def interrupted(wrong):
    with out.loan() as loan:
        array = array_of(loan.data)
        if wrong: raise KeyError
print(err(interrupted, True), err(interrupted, False), out.loan().sequence)
out.discard()
print(out.send(b"y"), out.published, bytes(into.poll().data))
`,
    lines: ["ValueError ValueError 0 None", "KeyError BufferError 1", "True 1 b'y'"],
  },
  {
    name: "Producer.publish() publishes all that is on loan; a loan alone must be the oldest",
    body: `
out, into = producer_of(), consumer_of()
first, second = out.loan(), out.loan()
print(out.loan(), err(out.send, b""), err(second.publish))
first.data[0], second.data[0] = 1, 2
out.publish()
out.publish()
print([sample.data[0] for sample in (into.poll(), into.poll())], into.poll())
first, second = out.loan(), out.loan()
first.publish()
print(out.published, out.loan().sequence)
second.discard()
print(out.loan().sequence, out.published)
`,
    lines: ["None ValueError ValueError", "[1, 2] None", "3 5", "4 3"],
  },
  {
    name: "Producer.loan() waits for a keep_all consumer, and lends nothing after its time",
    keepAll: true,
    body: `
out, into = producer_of(), consumer_of()
for n in range(4):
    out.loan(timeout_s=0).publish()
print(out.loan(timeout_s=0), out.loan(timeout_s=0.05), out.send(b"", timeout_s=0))
print(into.poll().release(), out.loan(timeout_s=0).sequence, out.loan(timeout_s=0))
`,
    lines: ["None None False", "True 5 None"],
  },
  {
    name: "what outlives its sample or its loan finds what came later, and checked finds it",
    body: `
out, into = producer_of(), consumer_of()
loan = out.loan()
late = loan.data[1:]
loan.publish()
sample = into.poll()
slice = sample.data[1:]
print(sample.release(), err(sample.release), err(sample.is_intact), err(lambda: sample.data[0]))
late[0] = 9
print(slice[0])
out, into = producer_of(checked=True), consumer_of(checked=True)
loan = out.loan()
late = loan.data[1:]
array = array_of(loan.data)
late[0] = 8
print(err(loan.publish), loan.is_lent, out.published, into.poll())
del late
print(err(out.publish))
del array
loan.publish()
sample = into.poll()
slice = sample.data[1:]
print(err(sample.release), sample.is_lent, slice[0])
del slice
print(sample.release(), err(sample.release))
`,
    lines: [
      "True ValueError ValueError ValueError",
      "9",
      "BufferError True 1 None",
      "BufferError",
      "BufferError True 8",
      "True ValueError",
    ],
  },
  {
    name: "release() says that a sample was overtaken, by a loan too",
    body: `
out, into = producer_of(), consumer_of()
out.send(b"1")
sample = into.poll()
print(sample.data.readonly, err(sample.data.__setitem__, 0, 0), sample.is_intact())
for n in range(3):
    out.send(b"2")
loan = out.loan()
print(loan.sequence, sample.is_intact(), sample.release())
`,
    lines: ["True TypeError True", "5 False False"],
  },
  {
    name: "Loan.fields are the slot's until it was published",
    struct: true,
    body: `
for checked in (False, True):
    out, into = producer_of(checked=checked), consumer_of(checked=checked)
    loan = out.loan()
    fields = loan.fields
    fields.n, fields.values[1] = 3, 0.5
    print(err(setattr, fields, "m", 1), err(loan.publish, 4), err(out.loan, 4), err(out.send, b""))
    loan.publish(12)
    print(err(getattr, fields, "n"), err(setattr, fields, "n", 1), err(lambda: loan.fields))
    sample = into.poll()
    value = sample.fields()
    print(value.n, value.values[:], sample.release(), err(sample.fields))
print(err(lambda: Producer(4, [5], shape).loan().fields))
`,
    lines: [
      "AttributeError ValueError ValueError ValueError",
      "ValueError ValueError ValueError",
      "3 [0.0, 0.5] True ValueError",
      "AttributeError ValueError ValueError ValueError",
      "ValueError ValueError ValueError",
      "3 [0.0, 0.5] True ValueError",
      "TypeError",
    ],
  },
  {
    name: "Consumer.samples() gives each sample back when the loop goes on, unless that was done",
    keepAll: true,
    body: `
out, into = producer_of(), consumer_of()
kept = []
for sample in into.samples() if out.send(b"1") else ():
    kept.append(sample)
    if sample.sequence == 6: break
    if sample.sequence % 2: sample.release()
    for n in range(2):
        if out.published < 6: out.send(b"%d" % out.published)
print([sample.is_lent for sample in kept], kept[-1].release())
with kept[-1] as sample: print(sample.sequence)
`,
    lines: ["[False, False, False, False, False, True] True", "6"],
  },
];

for (const one of CASES) {
  Deno.test({
    name: `coxswain_mailbox.py: ${one.name}`,
    ignore: !hasPython,
    fn: async () => assertEquals(await printed(one), one.lines),
  });
}
