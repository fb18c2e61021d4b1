import { assertEquals, assertThrows } from "@std/assert";
import { constants } from "node:os";
import { cString, StringList, stringTables } from "../../../src/os/c_string.ts";
import { checked, errnoName, SystemError } from "../../../src/os/errno.ts";
import { libc } from "../../../src/os/libc.ts";
import { sendSignal, signalName, signalNumber } from "../../../src/os/signals.ts";
import { ended, mustSpawn, shellRequest } from "../../process/support/harness.ts";

Deno.test("errnoName() agrees with node's table on every number", () => {
  // Two names for one number: the kernel's own is the one we keep.
  const aliases = ["EWOULDBLOCK", "ENOTSUP", "EDEADLOCK"];
  for (const [name, number] of Object.entries(constants.errno)) {
    if (!aliases.includes(name)) assertEquals(errnoName(number), name);
  }
  assertEquals([errnoName(1), errnoName(133), errnoName(134)], ["EPERM", "EHWPOISON", "E134"]);
  assertEquals(errnoName(41), "E41");
});

Deno.test("checked() throws the error of the call that has just failed", () => {
  const open = () => checked(libc().open(cString("/nonexistent"), 0, 0), "open", "/nonexistent");
  const error = assertThrows(open, SystemError, 'open "/nonexistent": ENOENT');
  assertEquals([error.errno, error.syscall, error.path], ["ENOENT", "open", "/nonexistent"]);
});

Deno.test("signalNumber() and signalName() agree with node's table", () => {
  const aliases = ["SIGIOT", "SIGPOLL", "SIGUNUSED", "SIGINFO"];
  for (const [name, number] of Object.entries(constants.signals)) {
    assertEquals(name === "SIGUNUSED" ? number : signalNumber(name), number);
    if (!aliases.includes(name)) assertEquals(signalName(number), name);
  }
});

Deno.test("signalNumber() knows real-time signals by number and nothing else", () => {
  assertEquals(signalNumber("SIG34"), 34);
  assertEquals(signalNumber("SIG64"), 64);
  for (const name of ["SIG33", "SIG65", "SIG9", "TERM", "sigterm", "SIG", ""]) {
    assertEquals(signalNumber(name), undefined);
  }
  assertEquals(signalName(34), "SIG34");
});

Deno.test("sendSignal() reaches a process and a group, and says when they are gone", async () => {
  const child = mustSpawn(shellRequest("sleep 30 & exec sleep 30"));
  assertEquals(sendSignal(child.pid, 0), "sent");
  assertEquals(sendSignal(-child.pid, 9), "sent");
  const { reason } = await ended(child);
  assertEquals(reason, { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null });
  assertEquals(sendSignal(child.pid, 15), "gone");
});

Deno.test("sendSignal() refuses what would reach ourselves or everyone", () => {
  for (const pid of [0, -1, 1.5, NaN]) assertThrows(() => sendSignal(pid, 0), RangeError);
  assertThrows(() => sendSignal(Deno.pid, 99), SystemError, "EINVAL");
});

Deno.test("cString() ends with a NUL and refuses one inside", () => {
  assertEquals(cString("ä"), new Uint8Array([0xc3, 0xa4, 0]));
  assertThrows(() => cString("a\0b"), TypeError, "NUL");
});

Deno.test("stringTables() points at each string and ends each list with null", () => {
  const { block, tables } = stringTables(["a", "bc"], [], ["d"]);
  const view = new DataView(block.buffer);
  const base = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(block)));
  const read = (table: number) => {
    const found: string[] = [];
    for (let at = tables[table]!.byteOffset;; at += 8) {
      const pointer = view.getBigUint64(at, true);
      if (pointer === 0n) return found;
      const start = Number(pointer - base);
      found.push(new TextDecoder().decode(block.subarray(start, block.indexOf(0, start))));
    }
  };
  assertEquals([read(0), read(1), read(2)], [["a", "bc"], [], ["d"]]);
});

Deno.test("StringList.with() points at its own strings, then at those given, then at null", () => {
  const strings = (table: Uint8Array<ArrayBuffer>) => {
    const view = new DataView(table.buffer);
    const found: string[] = [];
    for (let at = 0; view.getBigUint64(at, true) !== 0n; at += 8) {
      const pointer = Deno.UnsafePointer.create(view.getBigUint64(at, true))!;
      found.push(Deno.UnsafePointerView.getCString(pointer));
    }
    return found;
  };
  const list = new StringList(["a=ä", ""]);
  assertEquals(strings(list.with([])), ["a=ä", ""]);
  assertEquals(strings(list.with(["b=1", "c=" + "x".repeat(1000)])), [
    "a=ä",
    "",
    "b=1",
    "c=" + "x".repeat(1000),
  ]);
  assertEquals(strings(new StringList([]).with(["d"])), ["d"]);
  assertEquals(strings(new StringList([]).with([])), []);
  assertThrows(() => list.with(["a\0b"]), TypeError, "NUL");
});
