import { assertEquals, assertRejects } from "@std/assert";
import { lastRun, readEventFile } from "../../../src/audit/read_event_file.ts";

const line = (seq: number, text: string) =>
  JSON.stringify({
    seq,
    monoNs: seq * 1e6,
    wall: "2026-01-01T00:00:00.000Z",
    event: "warning",
    text,
  });

const textsOf = (text: string) => {
  const { events, torn } = lastRun(text);
  return { texts: events.map((event) => (event as unknown as { text: string }).text), torn };
};

Deno.test("lastRun() takes the events from the last one that begins a run", () => {
  const text = [line(1, "a"), line(2, "b"), line(1, "c"), line(2, "d"), ""].join("\n");
  assertEquals(textsOf(text), { texts: ["c", "d"], torn: 0 });
});

Deno.test("lastRun() takes what there is when the beginning of the run is gone", () => {
  assertEquals(textsOf([line(70, "a"), line(71, "b")].join("\n")), { texts: ["a", "b"], torn: 0 });
  assertEquals(textsOf(""), { texts: [], torn: 0 });
});

Deno.test("lastRun() counts lines of the last run that are no event, and leaves them out", () => {
  const torn = line(2, "b").slice(0, 20);
  assertEquals(textsOf([line(1, "a"), torn].join("\n")), { texts: ["a"], torn: 1 });
  assertEquals(textsOf([line(1, "a"), "null", '{"seq":2}', "[]"].join("\n")), {
    texts: ["a"],
    torn: 3,
  });
  // Those of an earlier run are nobody's concern.
  assertEquals(textsOf([line(1, "a"), torn, line(1, "c")].join("\n")), { texts: ["c"], torn: 0 });
});

Deno.test("readEventFile() reads the rotated file first", async () => {
  const path = `${await Deno.makeTempDir()}/events.jsonl`;
  await assertRejects(() => readEventFile(path), Deno.errors.NotFound);
  await Deno.writeTextFile(path, `${line(2, "b")}\n`);
  assertEquals((await readEventFile(path)).events.length, 1);
  await Deno.writeTextFile(`${path}.1`, `${line(1, "a")}\n`);
  assertEquals((await readEventFile(path)).events.map(({ seq }) => seq), [1, 2]);
  await Deno.remove(path.slice(0, path.lastIndexOf("/")), { recursive: true });
});
