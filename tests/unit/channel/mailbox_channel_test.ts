/** The memory of mailboxes as the kernel sees it: modes, seals, pages, doorbells. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  ATTACHED,
  BELL,
  CONSUMER_BYTES,
  headerFault,
  segmentBytes,
  STATE,
} from "../../../src/channel/mailbox/layout.ts";
import { lastOriginOf, lateOf, pathLateOf } from "../../../src/channel/mailbox/figures.ts";
import { MailboxChannel } from "../../../src/channel/mailbox/mailbox_channel.ts";
import { libc } from "../../../src/os/libc.ts";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, readFd, writeFd } from "../../../src/os/pipe.ts";
import { mapSharedMemory } from "../../../src/os/shared_memory.ts";
import { mailbox } from "../../../src/config/define.ts";
import type { MailboxPlan } from "../../../src/plan/plan.ts";
import { commandProcess, compiled, crew } from "../plan/fixtures.ts";

/** A producer and two consumers. */
function planOf(options: object = {}): MailboxPlan {
  const run = { a: commandProcess(), b: commandProcess(), c: commandProcess() };
  const box = mailbox({ from: "a.x", to: ["b.x", "c.x"], sampleBytes: "4KiB", ...options });
  return compiled(crew(run, { channels: { box } })).channels[0] as MailboxPlan;
}

type Part = Parameters<MailboxChannel["openPart"]>[0];

function part(part: Part["part"], consumer: number, access: Part["access"]): Part {
  return { fd: 9, kind: "mailbox", channel: 0, part, consumer, access };
}

const SAMPLES = { write: part("samples", -1, "write"), read: part("samples", -1, "read") };
const F_GETFL = 3;
const F_GETFD = 1;
const F_GET_SEALS = 1034;
const flagsOf = (fd: number) => libc().fcntl(fd, F_GETFL, 0) & 0o3;

Deno.test("MailboxChannel makes memory that is laid out, allocated, sealed and its user's alone", () => {
  const plan = planOf();
  using channel = new MailboxChannel(plan);
  const fd = channel.openPart(SAMPLES.write);
  const info = Deno.statSync(`/proc/self/fd/${fd}`);
  assertEquals(info.mode! & 0o777, 0o600);
  assertEquals(info.size, segmentBytes(plan.shape));
  assert(info.blocks! * 512 >= info.size, "all of it is there, before anybody touches it");
  assertEquals(libc().fcntl(fd, F_GET_SEALS, 0), 1 | 2 | 4, "no size, no seal can be changed");
  for (const bytes of [0, info.size + 4096]) {
    assertEquals(libc().ftruncate(fd, BigInt(bytes)), -1);
  }
  const words = new Int32Array(mapSharedMemory(fd));
  assertEquals(headerFault(words, words.byteLength, plan.shape), null);
  assertEquals(libc().fcntl(fd, F_GETFD, 0), 1, "close-on-exec");
  closeFd(fd);
  assertEquals(channel.warnings, []);
});

Deno.test("MailboxChannel opens samples for a consumer by a description that can only read", () => {
  using channel = new MailboxChannel(planOf());
  const [read, write, page, seen] = [
    channel.openPart(SAMPLES.read),
    channel.openPart(SAMPLES.write),
    channel.openPart(part("page", 1, "write")),
    channel.openPart(part("page", 1, "read")),
  ];
  assertEquals([read, write, page, seen].map(flagsOf), [0, 2, 2, 0]);
  assertEquals(Deno.statSync(`/proc/self/fd/${page}`).size, CONSUMER_BYTES);
  const denied = assertThrows(() => mapSharedMemory(read), SystemError);
  assertEquals(denied.errno, "EACCES", "it cannot be mapped for writing");
  const first = channel.openPart(part("page", 0, "read"));
  const inodes = [page, seen, first, read].map((fd) => Deno.statSync(`/proc/self/fd/${fd}`).ino);
  assertEquals(inodes[0], inodes[1]);
  assertEquals(new Set(inodes).size, 3, "each page is memory of its own");
  for (const fd of [read, write, page, seen, first]) closeFd(fd);
});

Deno.test("MailboxChannel gives each instance doorbell ends of its own; ringing never waits", () => {
  using channel = new MailboxChannel(planOf());
  const ring = channel.openPart(part("doorbell", 0, "write"));
  const [hear, next] = [0, 1].map(() => channel.openPart(part("doorbell", 0, "read")));
  let rung = 0;
  while (writeFd(ring, new Uint8Array(512)) !== "would-block") rung++;
  assert(rung > 0 && rung < 100, `${rung} writes until it is full`);
  const O_NONBLOCK = 0o4000;
  assertEquals(libc().fcntl(hear!, F_GETFL, 0) & O_NONBLOCK, 0);
  libc().fcntl(hear!, 4, O_NONBLOCK);
  assertEquals(libc().fcntl(next!, F_GETFL, 0) & O_NONBLOCK, 0, "a flag of one is not the next's");
  assertEquals(readFd(hear!, new Uint8Array(8192)), rung * 512);
  const other = channel.openPart(part("doorbell", 1, "read"));
  libc().fcntl(other, 4, O_NONBLOCK);
  assertEquals(readFd(other, new Uint8Array(8)), "would-block");
  for (const fd of [ring, hear!, next!, other]) closeFd(fd);
});

Deno.test("MailboxChannel tells the memory of instances that come and go", () => {
  using channel = new MailboxChannel(planOf());
  const samples = mapFd(channel, SAMPLES.write);
  const page = mapFd(channel, part("page", 1, "write"));
  channel.producerStarts();
  channel.consumerStarts(1);
  assertEquals([channel.producer().epoch, channel.consumer(1).attached], [1, true]);
  assertEquals(channel.consumer(0).attached, false);
  assertEquals(channel.consumer(1).connected, false, "it has not taken up the link yet");
  const bell = samples[BELL];
  channel.producerEnded();
  assert(samples[BELL] !== bell, "who sleeps looks again");
  assertEquals([samples[STATE], channel.producer().ended], [0, false]);
  channel.endProducer();
  assertEquals(channel.producer().ended, true);
  channel.producerStarts();
  assertEquals([channel.producer().ended, channel.producer().epoch], [false, 2]);
  channel.consumerEnded(1);
  assertEquals(page[ATTACHED], 0);
});

Deno.test("MailboxChannel reads figures of memory that lies: nothing but numbers comes of it", () => {
  using channel = new MailboxChannel(planOf());
  const samples = mapFd(channel, SAMPLES.write);
  const page = mapFd(channel, part("page", 0, "write"));
  let state = 7;
  for (let round = 0; round < 200; round++) {
    for (let at = 16; at < 1024; at++) {
      state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
      samples[at] = state;
      page[at] = state ^ 0x5a5a_5a5a;
    }
    const { published, waitsFor } = channel.producer();
    assert(published >= 0 && Number.isSafeInteger(published));
    assert(waitsFor === null || (waitsFor >= 0 && waitsFor < 256));
    for (const value of Object.values(channel.consumer(0))) {
      assert(typeof value !== "number" || (value >= 0 && Number.isSafeInteger(value)));
    }
    const buffer = page.buffer as ArrayBuffer;
    for (const value of [lateOf(buffer), pathLateOf(buffer, 1), lastOriginOf(buffer)]) {
      assert(value >= 0 && Number.isSafeInteger(value));
    }
    const fault = channel.faultOf(0);
    assert(fault === null || /^[\x20-\x7e]{0,128}$/.test(fault.text));
  }
});

Deno.test("MailboxChannel says that it has no huge pages, and makes ordinary ones", () => {
  const free = Number(
    /^HugePages_Free:\s+(\d+)$/m.exec(Deno.readTextFileSync("/proc/meminfo"))?.[1] ?? "0",
  );
  using channel = new MailboxChannel(planOf({ hugePages: true }));
  assertEquals(channel.warnings.length, free > 0 ? 0 : 1);
  if (free === 0) {
    assert(channel.warnings[0]!.includes('"box" lies in ordinary pages'), channel.warnings[0]);
  }
  const samples = mapFd(channel, SAMPLES.write);
  assert(samples.byteLength >= channel.capacityBytes);
});

Deno.test("MailboxChannel locks its memory, or says that it cannot", () => {
  const locked = () =>
    Number(/^VmLck:\s+(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))![1]);
  const before = locked();
  using channel = new MailboxChannel(planOf({ lock: true, slots: 64 }));
  const kilobytes = Math.ceil(channel.capacityBytes / 1024);
  if (channel.warnings.length === 0) assertEquals(locked() - before, kilobytes);
  else assert(channel.warnings[0]!.includes("RLIMIT_MEMLOCK"), channel.warnings[0]);
});

Deno.test("MailboxChannel lets go of every descriptor", () => {
  const open = () => [...Deno.readDirSync("/proc/self/fd")].length;
  // What is opened once and kept.
  new MailboxChannel(planOf())[Symbol.dispose]();
  const before = open();
  for (let round = 0; round < 10; round++) {
    const channel = new MailboxChannel(planOf());
    channel[Symbol.dispose]();
    channel[Symbol.dispose]();
    assertEquals(channel.isOpen, false);
  }
  assertEquals(open(), before);
});

function mapFd(channel: MailboxChannel, which: Part): Int32Array {
  const fd = channel.openPart(which);
  const words = new Int32Array(mapSharedMemory(fd));
  closeFd(fd);
  return words;
}
