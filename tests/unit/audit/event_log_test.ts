import { assert, assertEquals } from "@std/assert";
import { EventLog } from "../../../src/audit/event_log.ts";

function openLog(path: string, fields: { keptMax?: number; fileBytesMax?: number } = {}): EventLog {
  let now = 0;
  return new EventLog({
    path,
    keptMax: 10,
    fileBytesMax: 1 << 20,
    nowNs: () => ++now,
    wall: () => "2026-01-01T00:00:00.000Z",
    ...fields,
  });
}

Deno.test("EventLog numbers without gaps, stamps both clocks and writes JSON lines", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  log.append({ event: "warning", message: "a" });
  log.append({ event: "warning", message: "b\nc" });
  assertEquals(Deno.readTextFileSync(`${dir}/events.jsonl`), "");
  assertEquals(log.flush(), null);
  const lines = Deno.readTextFileSync(`${dir}/events.jsonl`).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line)), [
    { seq: 1, monoNs: 1, wall: "2026-01-01T00:00:00.000Z", event: "warning", message: "a" },
    { seq: 2, monoNs: 2, wall: "2026-01-01T00:00:00.000Z", event: "warning", message: "b\nc" },
  ]);
  assertEquals(Deno.statSync(`${dir}/events.jsonl`).mode! & 0o777, 0o600);
});

Deno.test("EventLog keeps the newest events and finds them by number", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  for (let count = 0; count < 100; count++) log.append({ event: "warning", message: `${count}` });
  const kept = log.since(1);
  assertEquals(kept.at(-1)?.seq, 100);
  assertEquals(kept.length >= 10 && kept.length <= 13, true);
  assertEquals(log.since(98).map(({ seq }) => seq), [98, 99, 100]);
  assertEquals(log.since(101), []);
});

Deno.test("EventLog rotates once at its size, losing no line of the newest two files", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`, { fileBytesMax: 500 });
  for (let count = 0; count < 20; count++) {
    log.append({ event: "warning", message: `${count}` });
    log.flush();
  }
  const seqs = [`${dir}/events.jsonl.1`, `${dir}/events.jsonl`].flatMap((path) =>
    Deno.readTextFileSync(path).trimEnd().split("\n").map((line) => JSON.parse(line).seq as number)
  );
  assertEquals(seqs.at(-1), 20);
  assertEquals(seqs, Array.from(seqs, (_, at) => 20 - seqs.length + 1 + at));
  assertEquals(Deno.statSync(`${dir}/events.jsonl`).size <= 500, true);
});

Deno.test("EventLog.flush() tells followers, with the line of the file, until they leave", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  const seen: string[] = [];
  const unfollow = log.follow(({ seq }, line) => seen.push(`${seq} ${line}`));
  log.append({ event: "warning", message: "a" });
  assertEquals(seen, []);
  log.flush();
  unfollow();
  log.append({ event: "warning", message: "b" });
  log.flush();
  const lines = Deno.readTextFileSync(`${dir}/events.jsonl`).trimEnd().split("\n");
  assertEquals(seen, [`1 ${lines[0]}`]);
  assertEquals(lines.length, 2);
});

Deno.test("EventLog.follow() tells nothing that since() gave already", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  log.append({ event: "warning", message: "not yet flushed" });
  const seen = log.since(1).map(({ seq }) => seq);
  log.follow(({ seq }) => seen.push(seq));
  log.append({ event: "warning", message: "later" });
  log.flush();
  assertEquals(seen, [1, 2]);
});

Deno.test("EventLog.flush() leaves what a follower appends to the next flush", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  const seen: number[] = [];
  log.follow(({ seq }) => {
    seen.push(seq);
    if (seq === 1) log.append({ event: "warning", message: "of the follower" });
  });
  log.append({ event: "warning", message: "a" });
  log.flush();
  assertEquals(seen, [1]);
  log.flush();
  assertEquals(seen, [1, 2]);
});

Deno.test("EventLog goes on with the old file when it cannot rotate", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`, { fileBytesMax: 100 });
  Deno.mkdirSync(`${dir}/events.jsonl.1`);
  log.append({ event: "warning", message: "a" });
  assertEquals(log.flush(), null);
  log.append({ event: "warning", message: "b" });
  assert(log.flush() instanceof Error);
  Deno.removeSync(`${dir}/events.jsonl.1`);
  log.append({ event: "warning", message: "c" });
  assertEquals(log.flush(), null);
  assertEquals(JSON.parse(Deno.readTextFileSync(`${dir}/events.jsonl`)).message, "c");
});
