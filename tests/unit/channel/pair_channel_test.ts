import { assertEquals, assertThrows } from "@std/assert";
import { PairChannel } from "../../../src/channel/pair/pair_channel.ts";
import { libc } from "../../../src/os/libc.ts";
import { closeFd, readFd, writeFd } from "../../../src/os/pipe.ts";
import type { PairPlan } from "../../../src/plan/plan.ts";

const O_NONBLOCK = 0o4000;
const F_SETFL = 4;

function open(type: PairPlan["type"], ends: PairPlan["ends"]): PairChannel {
  return new PairChannel({
    kind: "pair",
    name: "control",
    from: { processes: [1], port: "a", fd: 4 },
    to: { processes: [2], port: "b", fd: 4 },
    type,
    ends,
  });
}

function ends(channel: PairChannel): [first: number, second: number] {
  const fds = [channel.openEnd("first"), channel.openEnd("second")] as [number, number];
  for (const fd of fds) libc().fcntl(fd, F_SETFL, O_NONBLOCK);
  return fds;
}

const bytes = (text: string) => new TextEncoder().encode(text);

function read(fd: number): string | null {
  const buffer = new Uint8Array(100);
  const count = readFd(fd, buffer);
  return count === "would-block" ? null : new TextDecoder().decode(buffer.subarray(0, count));
}

for (const type of ["seqpacket", "datagram"] as const) {
  Deno.test(`PairChannel keeps the messages of a ${type} pair whole, in both directions`, () => {
    using channel = open(type, "hold");
    const [first, second] = ends(channel);
    for (const [from, to] of [[first, second], [second, first]] as const) {
      writeFd(from, bytes("one"));
      writeFd(from, bytes("two"));
      assertEquals([read(to), read(to), read(to)], ["one", "two", null]);
    }
    closeFd(first);
    closeFd(second);
  });
}

Deno.test("PairChannel keeps what a side wrote before it was restarted, with hold for good", () => {
  using channel = open("stream", "hold");
  const [first, second] = ends(channel);
  writeFd(first, bytes("kept"));
  closeFd(first);
  channel.endProducer();
  assertEquals([read(second), read(second)], ["kept", null]);
  channel.reopen();
  const again = channel.openEnd("first");
  writeFd(again, bytes("more"));
  assertEquals(read(second), "more");
  closeFd(again);
  closeFd(second);
});

for (const type of ["stream", "seqpacket"] as const) {
  Deno.test(`PairChannel of type ${type}: a final end shows after the last bytes, unread ones notwithstanding`, () => {
    using channel = open(type, "eof");
    const [first, second] = ends(channel);
    writeFd(first, bytes("last"));
    writeFd(second, bytes("never read"));
    closeFd(first);
    channel.endProducer();
    assertEquals([read(second), read(second), read(second)], ["last", "", ""]);
    assertEquals(writeFd(second, bytes("x")), "closed");
    closeFd(second);
  });
}

Deno.test("reopen() makes a new pair after a final end; the old half stays ended", () => {
  using channel = open("stream", "eof");
  const [first, second] = ends(channel);
  closeFd(first);
  channel.endProducer();
  channel.reopen();
  channel.reopen();
  assertEquals(read(second), "");
  const [newFirst, newSecond] = ends(channel);
  writeFd(newFirst, bytes("new"));
  assertEquals([read(newSecond), read(second)], ["new", ""]);
  for (const fd of [second, newFirst, newSecond]) closeFd(fd);
});

Deno.test("fillBytes() counts both directions; a closed channel and a foreign end are errors", () => {
  const channel = open("stream", "hold");
  const [first, second] = ends(channel);
  writeFd(first, bytes("abc"));
  writeFd(second, bytes("de"));
  assertEquals(channel.fillBytes(), 5);
  assertThrows(() => channel.openEnd("read"), Error, 'no end "read"');
  channel[Symbol.dispose]();
  assertThrows(() => channel.openEnd("first"), Error, "was closed");
  closeFd(first);
  closeFd(second);
});
