/**
 * Mailboxes between the clients for Deno, C and Python, each in each role, and a segment that all
 * of them read and write alike (tests/vectors/mailbox_v1.json).
 */
import { assert, assertEquals } from "@std/assert";
import { producerEnded, producerStarts } from "../../src/channel/mailbox/attendance.ts";
import { BELL, type MailboxShape } from "../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../src/child/mailbox/consumer.ts";
import { Producer } from "../../src/child/mailbox/producer.ts";
import { MappedWords } from "../../src/child/mailbox/shared_words.ts";
import { openFutex, wordPointer } from "../../src/os/futex.ts";
import { closeFd } from "../../src/os/pipe.ts";
import { outputOf, shellRequest, temporaryDirectory } from "../process/support/harness.ts";
import {
  consumerPort,
  idlePort,
  plainMailbox,
  producerPort,
  shapeWith,
  sharedMailbox,
} from "../support/mailbox_memory.ts";
import { isThere } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const VECTOR = `${ROOT}tests/vectors/mailbox_v1.json`;
const hasGcc = isThere("gcc");
const hasPython = isThere("python3");
if (!hasGcc) console.log("no gcc: the C client is not tested");
if (!hasPython) console.log("no python3: the Python client is not tested");

type Language = "C" | "Python";
type Memory = ReturnType<typeof sharedMailbox>;

/** The shell's words that run a member; the C one is compiled into `folder`. */
async function commandOf(language: Language, folder: string): Promise<string> {
  if (language === "Python") return `python3 ${ROOT}tests/clients/mailbox_member.py`;
  const program = `${folder}/member`;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", `-I${ROOT}clients/c`, "-o", program]
      .concat(`${ROOT}tests/clients/c/mailbox_member.c`),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return program;
}

function run(command: string, role: string, upTo: number, shape: MailboxShape, memory: Memory) {
  const { slots, sampleBytes, history, keep, checksum } = shape;
  const numbers = [upTo, slots, sampleBytes, history === "keepAll" ? 1 : 0, keep];
  const crc = checksum === "crc32c" ? 1 : 0;
  return outputOf(
    shellRequest(`exec ${command} ${role} ${numbers.join(" ")} ${crc} ${ROOT}clients/python`, {
      descriptors: [
        { fd: 4, source: memory.samples.fd },
        { fd: 5, source: memory.consumers[0]!.fd },
      ],
    }),
  );
}

const lengthOf = (sequence: number, shape: MailboxShape) =>
  8 + sequence % (shape.sampleBytes / 4 - 1) * 4;

function dataOf(sequence: number, shape: MailboxShape): Uint8Array {
  const words = new Int32Array(lengthOf(sequence, shape) / 4);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(sequence + at, 0x9e37_79b1);
  return new Uint8Array(words.buffer);
}

function endMailbox(memory: Memory): void {
  const bell = wordPointer(memory.samples.buffer, BELL * 4);
  producerEnded(new MappedWords(memory.samples.buffer), true, () => openFutex().wake(bell));
}

const UP_TO = 3000;
const keepAll = shapeWith({ history: "keepAll", keep: 0, slots: 8, sampleBytes: 128 });

/** Writes in this process; blocks, which the other one does not mind. */
function writeHere(memory: Memory, shape: MailboxShape): void {
  const pages = memory.consumers.map(({ buffer }) => buffer);
  const samples = memory.samples.buffer;
  const producer = new Producer({ samples, consumers: pages }, producerPort(samples, pages), {
    shape,
    blockNs: 20e9,
  });
  for (let at = 1; at <= UP_TO; at++) {
    assertEquals(producer.send(dataOf(at, shape)).kind, "sent");
  }
}

interface Member {
  readonly language: Language;
  readonly role: string;
  /** How it is said in a test's name. */
  readonly how: string;
}

const READERS: readonly Member[] = [
  { language: "C", role: "read", how: "C reads" },
  { language: "Python", role: "read", how: "Python reads" },
  { language: "Python", role: "read-checked", how: "Python reads copies of" },
];
const WRITERS: readonly Member[] = [
  { language: "C", role: "write", how: "C writes" },
  { language: "Python", role: "write", how: "Python writes" },
  { language: "Python", role: "lend", how: "Python writes in place" },
  { language: "Python", role: "lend-checked", how: "Python writes to checked loans" },
];

for (const checksum of ["none", "crc32c"] as const) {
  const shape = { ...keepAll, checksum };
  for (const { language, role, how } of READERS) {
    const ignore = language === "C" ? !hasGcc : !hasPython;
    Deno.test({
      name: `mailbox: ${how} what Deno writes, checksum ${checksum}`,
      ignore,
      async fn() {
        using dir = temporaryDirectory();
        const memory = sharedMailbox(shape);
        const reading = run(await commandOf(language, dir.path), role, 0, shape, memory);
        writeHere(memory, shape);
        endMailbox(memory);
        const { text } = await reading;
        const expected = { found: 4, received: UP_TO, missed: 0, wrong: 0, last: UP_TO };
        assertEquals(JSON.parse(text), expected);
        closeFd(memory.samples.fd);
        closeFd(memory.consumers[0]!.fd);
      },
    });
  }
  for (const { language, role, how } of WRITERS) {
    Deno.test({
      name: `mailbox: Deno reads what ${how}, checksum ${checksum}`,
      ignore: language === "C" ? !hasGcc : !hasPython,
      async fn() {
        using dir = temporaryDirectory();
        const memory = sharedMailbox(shape);
        producerStarts(new MappedWords(memory.samples.buffer));
        const writing = run(await commandOf(language, dir.path), role, UP_TO, shape, memory);
        const [samples, own] = [memory.samples.buffer, memory.consumers[0]!.buffer];
        const port = consumerPort(samples, own);
        const consumer = new Consumer({ samples, own }, port, { shape, number: 0, from: "resume" });
        for (let at = 1; at <= UP_TO; at++) {
          const found = consumer.receive(20e9);
          assert(found.kind === "sample", JSON.stringify(found));
          assertEquals([found.sequence, found.stampNs, found.originNs, found.epoch], [
            at,
            1000 + at,
            500 + at,
            1,
          ]);
          assertEquals(found.bytes, dataOf(at, shape));
          found.release();
        }
        const { exit, text } = await writing;
        assertEquals([exit.reason.kind === "code" && exit.reason.code, text], [0, ""]);
        closeFd(memory.samples.fd);
        closeFd(memory.consumers[0]!.fd);
      },
    });
  }
}

const vectorShape = shapeWith({ slots: 4, keep: 2, sampleBytes: 64, checksum: "crc32c" });
const VECTOR_UP_TO = 6;

/** The words of a segment that are no times. */
function comparable(buffer: ArrayBuffer): number[] {
  const words = [...new Uint32Array(buffer)];
  for (const word of [48, 49, 50, 51]) words[word] = 0;
  return words;
}

function vectorWords(): number[] {
  const { words } = JSON.parse(Deno.readTextFileSync(VECTOR)) as { words: [number, string][] };
  const buffer = new Uint32Array(plainMailbox(vectorShape).samples.byteLength / 4);
  for (const [word, hex] of words) buffer[word] = parseInt(hex, 16);
  return [...buffer];
}

Deno.test("mailbox: the segment that Deno writes is that of the test vector", () => {
  const memory = plainMailbox(vectorShape);
  producerStarts(new MappedWords(memory.samples));
  const producer = new Producer(memory, idlePort(), { shape: vectorShape });
  for (let at = 1; at <= VECTOR_UP_TO; at++) {
    const loan = producer.loan();
    assert(loan.kind === "loan");
    const data = dataOf(at, vectorShape);
    loan.bytes.set(data);
    loan.length = data.length;
    loan.stampNs = 1000 + at;
    loan.originNs = 500 + at;
    producer.publish();
  }
  const words = comparable(memory.samples);
  if (Deno.args.includes("--write-vector")) {
    const set = words.flatMap((value, word) => value === 0 ? [] : [[word, value.toString(16)]]);
    Deno.writeTextFileSync(VECTOR, JSON.stringify({ shape: vectorShape, words: set }) + "\n");
  }
  assertEquals(words, vectorWords());
});

for (const { language, role, how } of WRITERS) {
  Deno.test({
    name: `mailbox: the segment that ${how} is that of the test vector, and it reads it`,
    ignore: language === "C" ? !hasGcc : !hasPython,
    async fn() {
      using dir = temporaryDirectory();
      const command = await commandOf(language, dir.path);
      const memory = sharedMailbox(vectorShape);
      producerStarts(new MappedWords(memory.samples.buffer));
      const { exit } = await run(command, role, VECTOR_UP_TO, vectorShape, memory);
      assert(exit.reason.kind === "code" && exit.reason.code === 0, JSON.stringify(exit));
      assertEquals(comparable(memory.samples.buffer), vectorWords());
      const other = sharedMailbox(vectorShape);
      new Uint32Array(other.samples.buffer).set(vectorWords());
      endMailbox(other);
      const { text } = await run(command, "read", 0, vectorShape, other);
      const expected = { found: 4, received: 2, missed: 4, wrong: 0, last: 6 };
      assertEquals(JSON.parse(text), expected);
      for (const { samples, consumers } of [memory, other]) {
        closeFd(samples.fd);
        closeFd(consumers[0]!.fd);
      }
    },
  });
}
