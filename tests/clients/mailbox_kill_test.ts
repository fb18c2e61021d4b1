/**
 * Instances in C and Python, each in each role, killed again and again at the other end of a client
 * for Deno: the sequence goes on, every sample is whole, and keepAll loses none that was published.
 */
import { assert, assertEquals } from "@std/assert";
import {
  consumerEnded,
  consumerStarts,
  producerEnded,
  producerStarts,
} from "../../src/channel/mailbox/attendance.ts";
import { BELL, CONSUMER_BELL, CURSOR } from "../../src/channel/mailbox/layout.ts";
import { Consumer } from "../../src/child/mailbox/consumer.ts";
import { Producer } from "../../src/child/mailbox/producer.ts";
import { MappedWords } from "../../src/child/mailbox/shared_words.ts";
import { openFutex, wordPointer } from "../../src/os/futex.ts";
import { closeFd, createPipe, readFd } from "../../src/os/pipe.ts";
import {
  ended,
  mustSpawn,
  shellRequest,
  temporaryDirectory,
  until,
} from "../process/support/harness.ts";
import { consumerPort, producerPort, shapeWith, sharedMailbox } from "../support/mailbox_memory.ts";
import { isThere } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const KILLS = 50;
const SHAPE = shapeWith({ history: "keepAll", keep: 0, slots: 8, sampleBytes: 128 });
/** More than are written until the last kill. */
const NO_END = 1e9;

function dataOf(sequence: number): Uint8Array {
  const words = new Int32Array((8 + sequence % (SHAPE.sampleBytes / 4 - 1) * 4) / 4);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(sequence + at, 0x9e37_79b1);
  return new Uint8Array(words.buffer);
}

const MEMBERS = {
  C: {
    program: "gcc",
    make: (folder: string) =>
      new Deno.Command("gcc", {
        args: ["-std=gnu11", "-O2", `-I${ROOT}clients/c`, "-o", `${folder}/member`]
          .concat(`${ROOT}tests/clients/c/mailbox_member.c`),
      }).outputSync().success,
    run: (folder: string) => `${folder}/member`,
  },
  Python: {
    program: "python3",
    make: () => true,
    run: () => `python3 ${ROOT}tests/clients/mailbox_member.py`,
  },
};

/** One mailbox, its member of another language, and the supervisor's part for it. */
class Stage implements Disposable {
  readonly memory = sharedMailbox(SHAPE);
  readonly samples = this.memory.samples.buffer;
  readonly page = this.memory.consumers[0]!.buffer;
  readonly #folder = temporaryDirectory();
  readonly #output = createPipe();
  readonly #command: string;
  readonly #role: "read" | "write";
  #child: { readonly pid: number; readonly pidfd: number } | null = null;

  constructor(language: keyof typeof MEMBERS, role: "read" | "write") {
    const { make, run } = MEMBERS[language];
    assert(make(this.#folder.path));
    this.#command = run(this.#folder.path);
    this.#role = role;
  }

  start(): void {
    if (this.#role === "read") consumerStarts(new MappedWords(this.page));
    else producerStarts(new MappedWords(this.samples));
    const { slots, sampleBytes } = SHAPE;
    const numbers = `${NO_END} ${slots} ${sampleBytes} 1 0 0`;
    this.#child = mustSpawn(
      shellRequest(`exec ${this.#command} ${this.#role} ${numbers} ${ROOT}clients/python`, {
        descriptors: [
          { fd: 1, source: this.#output.writeFd },
          { fd: 2, source: this.#output.writeFd },
          { fd: 4, source: this.memory.samples.fd },
          { fd: 5, source: this.memory.consumers[0]!.fd },
        ],
      }),
    );
  }

  async kill(): Promise<void> {
    Deno.kill(this.#child!.pid, "SIGKILL");
    const { reason } = await ended(this.#child!);
    if (reason.kind !== "signal") throw new Error(`${JSON.stringify(reason)} ${this.said()}`);
    if (this.#role === "read") {
      const bell = wordPointer(this.page, CONSUMER_BELL * 4);
      consumerEnded(new MappedWords(this.page), () => openFutex().wake(bell));
    } else this.endProducer(false);
  }

  endProducer(final: boolean): void {
    const bell = wordPointer(this.samples, BELL * 4);
    producerEnded(new MappedWords(this.samples), final, () => openFutex().wake(bell));
  }

  async ended(): Promise<void> {
    await ended(this.#child!);
  }

  /** What all have said, once the last has ended. */
  said(): string {
    const buffer = new Uint8Array(4096);
    closeFd(this.#output.writeFd);
    const count = readFd(this.#output.readFd, buffer);
    return new TextDecoder().decode(buffer.subarray(0, Number(count)));
  }

  [Symbol.dispose](): void {
    closeFd(this.#output.readFd);
    for (const { fd } of [this.memory.samples, ...this.memory.consumers]) closeFd(fd);
    this.#folder[Symbol.dispose]();
  }
}

const aMoment = () => performance.now() + Math.random() * 5;

for (const language of ["C", "Python"] as const) {
  const skipped = isThere(MEMBERS[language].program)
    ? ""
    : ` (skipped: no ${MEMBERS[language].program})`;

  Deno.test({
    name: `mailbox: a producer in ${language} is killed ${KILLS} times, and Deno reads on` +
      skipped,
    ignore: skipped !== "",
    async fn() {
      using stage = new Stage(language, "write");
      const { samples, page: own } = stage;
      const port = consumerPort(samples, own);
      const options = { shape: SHAPE, number: 0, from: "resume" } as const;
      const consumer = new Consumer({ samples, own }, port, options);
      let read = 0;
      /** @returns the epoch of the last one that was there. */
      const readAll = () => {
        let epoch = 0;
        for (;;) {
          const found = consumer.poll();
          if (found.kind !== "sample") {
            assertEquals(found.kind, "none", consumer.fault ?? "");
            return epoch;
          }
          read++;
          assertEquals([found.sequence, found.missed, found.stampNs], [read, 0, 1000 + read]);
          assertEquals(found.bytes, dataOf(read));
          epoch = found.epoch;
          found.release();
        }
      };
      for (let kill = 1; kill <= KILLS; kill++) {
        stage.start();
        await until("its first sample", () => readAll() === kill);
        for (const end = aMoment(); performance.now() < end;) readAll();
        await stage.kill();
        readAll();
      }
      assert(read > KILLS);
      assertEquals(stage.said(), "");
    },
  });

  Deno.test({
    name: `mailbox: a consumer in ${language} is killed ${KILLS} times, and Deno writes on` +
      skipped,
    ignore: skipped !== "",
    async fn() {
      using stage = new Stage(language, "read");
      const { samples, page } = stage;
      const port = producerPort(samples, [page]);
      const producer = new Producer({ samples, consumers: [page] }, port, { shape: SHAPE });
      producerStarts(new MappedWords(samples));
      const writeAll = () => {
        while (producer.send(dataOf(producer.published + 1)).kind === "sent");
      };
      const cursor = () => new MappedWords(page).load(CURSOR);
      const start = async () => {
        const before = cursor();
        stage.start();
        await until("its first sample", () => {
          writeAll();
          return cursor() > before;
        });
        for (const end = aMoment(); performance.now() < end;) writeAll();
      };
      for (let kill = 1; kill <= KILLS; kill++) {
        await start();
        await stage.kill();
      }
      await start();
      stage.endProducer(true);
      await stage.ended();
      const written = producer.published;
      const { wrong, missed, last } = JSON.parse(stage.said());
      assertEquals([wrong, missed, last, cursor()], [0, 0, written, written]);
      const [received = 0, passed = 0] = new Float64Array(page, 128, 2);
      assertEquals(passed, 0);
      // One that was counted and not yet released comes again.
      assert(received >= written && received <= written + KILLS, `${received} of ${written}`);
    },
  });
}
