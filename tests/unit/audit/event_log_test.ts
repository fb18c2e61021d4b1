import { assertEquals } from "@std/assert";
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

Deno.test("EventLog tells followers until they leave", () => {
  const dir = Deno.makeTempDirSync();
  using log = openLog(`${dir}/events.jsonl`);
  const seen: number[] = [];
  const unfollow = log.follow(({ seq }) => seen.push(seq));
  log.append({ event: "warning", message: "a" });
  unfollow();
  log.append({ event: "warning", message: "b" });
  assertEquals(seen, [1]);
});
