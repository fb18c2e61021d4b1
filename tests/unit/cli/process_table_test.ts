// The table of `cox ps`, as it is printed.
import { assertEquals, assertStringIncludes } from "@std/assert";
import { formatBytes, formatProcessTable } from "../../../src/cli/process_table.ts";
import type { ProcessSnapshot } from "../../../src/control/protocol.ts";

const IDLE: ProcessSnapshot = {
  state: "idle",
  wanted: "down",
  pid: null,
  instance: 0,
  starts: 0,
  restarts: 0,
  lastExit: null,
  readySince: null,
  cpuMs: 0,
  rssBytes: 0,
  statusText: null,
};
const NOW_MS = Date.parse("2025-01-02T03:04:05.000Z");

Deno.test("formatProcessTable() aligns columns and leaves no spaces at line ends", () => {
  const text = formatProcessTable({
    sampler: {
      ...IDLE,
      state: "running",
      pid: 4711,
      restarts: 12,
      readySince: "2025-01-02T02:03:04.000Z",
      cpuMs: 1234,
      rssBytes: 45 * 1024 * 1024,
      lastExit: { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null },
      statusText: "50 a second",
    },
    migrate: {
      ...IDLE,
      state: "completed",
      lastExit: { kind: "code", code: 0, cause: null },
    },
    idle: IDLE,
  }, { color: false, nowMs: NOW_MS });
  assertEquals(
    "\n" + text,
    `
NAME     STATE       PID     UPTIME  RESTARTS    CPU     RSS  LAST EXIT
sampler  running    4711  1 h 1 min        12  1.2 s  45 MiB  SIGKILL “50 a second”
migrate  completed     -          -         0   0 ms       -  code 0
idle     idle          -          -         0   0 ms       -`,
  );
});

Deno.test("formatProcessTable() colours states only when asked, and cleans a program's status", () => {
  const failed = { ...IDLE, state: "failed", statusText: "\x1b[2Jx\x1b[31my" } as const;
  const plain = formatProcessTable({ a: failed }, { color: false, nowMs: NOW_MS });
  const colored = formatProcessTable({ a: failed }, { color: true, nowMs: NOW_MS });
  assertEquals(plain.includes("\x1b"), false);
  assertStringIncludes(plain, "“xy”");
  assertStringIncludes(colored, "\x1b[31mfailed\x1b[0m");
});

Deno.test("formatBytes() changes units at powers of 1024", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [1023, "1023 B"],
    [1024, "1.0 KiB"],
    [10 * 1024, "10 KiB"],
    [1024 ** 2 - 1, "1024 KiB"],
    [1.5 * 1024 ** 3, "1.5 GiB"],
  ];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
});
