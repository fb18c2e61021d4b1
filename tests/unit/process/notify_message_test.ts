import { assertEquals } from "@std/assert";
import {
  NOTIFY_MESSAGE_BYTES_MAX,
  type NotifyMessage,
  parseNotifyMessage,
  STATUS_CHARACTERS_MAX,
} from "../../../src/process/notify_message.ts";

const NOTHING: NotifyMessage = {
  ready: false,
  reloading: false,
  stopping: false,
  status: null,
  mainPid: null,
  monotonicUs: null,
  extendTimeoutUs: null,
  errno: null,
  watchdog: null,
  watchdogUs: null,
  barrier: false,
  malformed: [],
};

Deno.test("parseNotifyMessage() reads every assignment it knows", () => {
  const text = "READY=1\nRELOADING=1\nSTOPPING=1\nSTATUS=at work\nMAINPID=42\nMONOTONIC_USEC=7\n" +
    "EXTEND_TIMEOUT_USEC=5000000\nERRNO=2\nWATCHDOG=1\nWATCHDOG_USEC=20\nBARRIER=1\n";
  assertEquals(parseNotifyMessage(text), {
    ready: true,
    reloading: true,
    stopping: true,
    status: "at work",
    mainPid: 42,
    monotonicUs: 7,
    extendTimeoutUs: 5_000_000,
    errno: 2,
    watchdog: "alive",
    watchdogUs: 20,
    barrier: true,
    malformed: [],
  });
});

Deno.test("parseNotifyMessage() ignores unknown names and empty lines", () => {
  assertEquals(parseNotifyMessage("\nFDSTORE=1\nX_OURS=a=b\n\n"), NOTHING);
  assertEquals(parseNotifyMessage(""), NOTHING);
});

Deno.test("parseNotifyMessage() reports values that make no sense and keeps the rest", () => {
  const bad = ["READY=0", "READY=", "MAINPID=0", "MAINPID=-1", "MAINPID=4194305", "MAINPID=1e3"]
    .concat(
      "ERRNO=4096",
      "WATCHDOG=2",
      "EXTEND_TIMEOUT_USEC=0",
      "WATCHDOG_USEC= 1",
      "no assignment",
    )
    .concat("=1", "EXTEND_TIMEOUT_USEC=99999999999999999");
  for (const line of bad) {
    const message = parseNotifyMessage(`${line}\nSTOPPING=1`);
    assertEquals({ ...message, malformed: [] }, { ...NOTHING, stopping: true }, line);
    assertEquals(message.malformed.length, 1, line);
  }
});

Deno.test("parseNotifyMessage() lets the later of two values count", () => {
  assertEquals(parseNotifyMessage("MAINPID=5\nMAINPID=6").mainPid, 6);
});

Deno.test("parseNotifyMessage() knows WATCHDOG=trigger", () => {
  assertEquals(parseNotifyMessage("WATCHDOG=trigger").watchdog, "trigger");
});

Deno.test("parseNotifyMessage() strips what could drive a terminal from STATUS", () => {
  const status = parseNotifyMessage("STATUS=a\x1b[31mb\x07\u009bc\u202ed\te").status;
  assertEquals(status, "a [31mb  c d e");
  assertEquals(parseNotifyMessage("STATUS=").status, "");
});

Deno.test("parseNotifyMessage() cuts STATUS at its maximum, between characters", () => {
  const at = parseNotifyMessage(`STATUS=${"😀".repeat(STATUS_CHARACTERS_MAX)}`);
  assertEquals(Array.from(at.status!).length, STATUS_CHARACTERS_MAX);
  const over = parseNotifyMessage(`STATUS=${"😀".repeat(STATUS_CHARACTERS_MAX + 1)}`);
  assertEquals(over.status, at.status);
});

Deno.test("parseNotifyMessage() takes a message of the maximum size and refuses one more", () => {
  const fill = (size: number) => "READY=1\nX=".padEnd(size, "x");
  assertEquals(parseNotifyMessage(fill(NOTIFY_MESSAGE_BYTES_MAX)).ready, true);
  const over = parseNotifyMessage(fill(NOTIFY_MESSAGE_BYTES_MAX + 1));
  assertEquals([over.ready, over.malformed.length], [false, 1]);
});

Deno.test("parseNotifyMessage() lists a bounded number of malformed lines", () => {
  assertEquals(parseNotifyMessage("junk\n".repeat(500)).malformed.length, 8);
});
