import { assertEquals } from "@std/assert";
import type { EventBody, EventRecord } from "../../../src/audit/event_record.ts";
import type { ExitReason } from "../../../src/core/exit_reason.ts";
import { LogView } from "../../../src/system/log_view.ts";

const CAPTURES = [
  { process: "web", stream: "stdout" },
  { process: "web", stream: "stderr" },
  { process: "wired", stream: "stderr" },
] as const;

const stamped = (ms: number, body: EventBody): EventRecord => ({
  seq: 1,
  monoNs: ms * 1e6,
  wall: "2025-01-02T03:04:05.678Z",
  ...body,
});
const exit = (ms: number, reason: ExitReason) =>
  stamped(ms, { event: "exit", process: "web", instance: 1, pid: 7, ranMs: 5000, reason });
const spawn = (ms: number) => stamped(ms, { event: "spawn", process: "web", instance: 2, pid: 8 });
const KILLED: ExitReason = { kind: "signal", signal: "SIGKILL", coreDumped: false, cause: null };

Deno.test("LogView marks stderr only where stdout is shown too", () => {
  const view = new LogView({ color: false, nameWidth: 5, captures: CAPTURES });
  const line = (process: string, stream: "stdout" | "stderr") =>
    view.output({ process, stream, text: "x", continues: false, continued: false });
  assertEquals(line("web", "stdout"), "web   | x\n");
  assertEquals(line("web", "stderr"), "web   ! x\n");
  assertEquals(line("wired", "stderr"), "wired | x\n");
});

Deno.test("LogView says how long after its end a process is back", () => {
  const view = new LogView({ color: false, nameWidth: 3, captures: [] });
  assertEquals(view.record(spawn(1000)), "cox | web#2 started, pid 8\n");
  assertEquals(view.record(exit(5000, KILLED)), "cox | web#1 ended after 5.0 s: SIGKILL\n");
  assertEquals(
    view.record(spawn(5012)),
    "cox | web#2 started, pid 8, 12 ms after #1 ended\n",
  );
});

Deno.test("LogView lets a mishap and the return from it stand out, and nothing that was asked for", () => {
  const tones = (reason: ExitReason) => {
    const view = new LogView({ color: true, nameWidth: 3, captures: [] });
    // deno-lint-ignore no-control-regex
    const tone = (record: EventRecord) => /^\x1b\[(\d+)m/.exec(view.record(record) ?? "")?.[1];
    return [tone(exit(1, reason)), tone(spawn(2))];
  };
  const dim = ["2", "2"];
  const mishap = ["33", "32"];
  assertEquals(tones(KILLED), mishap);
  assertEquals(tones({ ...KILLED, cause: "stop-timeout" }), mishap);
  assertEquals(tones({ ...KILLED, cause: "ready-timeout" }), mishap);
  assertEquals(tones({ kind: "code", code: 3, cause: null }), mishap);
  assertEquals(tones({ kind: "outOfMemory", signal: "SIGKILL" }), mishap);
  assertEquals(tones({ kind: "code", code: 0, cause: null }), dim);
  assertEquals(tones({ kind: "code", code: 3, cause: "stop" }), dim);
  assertEquals(tones({ ...KILLED, signal: "SIGTERM", cause: "group" }), dim);
});
