/** `cox why` without a supervisor. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "./support.ts";

const event = (seq: number, more: Record<string, unknown>) =>
  JSON.stringify({
    seq,
    monoNs: seq * 1e9,
    wall: `2026-01-01T00:00:0${seq}.000Z`,
    process: "det",
    instance: 1,
    ...more,
  }) + "\n";

const MISS = event(2, {
  event: "deadline",
  contract: "det.heartbeat",
  kind: "miss",
  reason: "silent",
  item: "",
  count: 1,
  limitMs: 100,
  allowedMs: 100,
  lateMs: 0.5,
  came: false,
  dueNs: 1e9,
  lastAgoMs: null,
  noticedMs: 0.1,
  missed: 1,
  window: 1,
  tolerated: 0,
  broke: true,
  did: [],
  evidence: null,
});

async function why(name: string, text: string | null) {
  const dir = await Deno.makeTempDir();
  if (text !== null) await Deno.writeTextFile(`${dir}/events.jsonl`, text);
  const result = await runCli(["why", name, "--run-dir", dir]);
  await Deno.remove(dir, { recursive: true });
  return { ...result, dir };
}

const SPAWN = event(1, { event: "spawn", pid: 7 });

Deno.test("cox why reads the events of the last run when no supervisor runs, and says so", async () => {
  for (const name of ["det", "det.heartbeat"]) {
    const { exit, out, dir } = await why(name, SPAWN + MISS + SPAWN + MISS);
    assertEquals(exit, 0);
    const [first, second] = out.split("\n");
    assertEquals(
      first,
      `No supervisor is running: from ${dir}/events.jsonl, whose last run ends at 2026-01-01T00:00:02.000Z`,
    );
    assertEquals(second, `${name} missed once; the last at 00:00:02.000`);
  }
});

Deno.test("cox why tells of lines that it cannot read", async () => {
  const { exit, out } = await why("det", SPAWN + MISS + MISS.slice(0, 30));
  assertEquals(exit, 0);
  assertStringIncludes(out.split("\n")[0]!, "00:00:02.000Z; 1 line cannot be read");
});

Deno.test("cox why of a name that no event tells of is the user's mistake", async () => {
  const near = await why("dett", SPAWN);
  assertEquals(near.exit, 100);
  assertStringIncludes(near.err, 'did you mean "det"?');
  const far = await why("sampler", SPAWN);
  assertEquals(far.exit, 100);
  assertStringIncludes(far.err, "the events of the last run tell of none");
});

Deno.test("cox why without a supervisor and without events says that none runs", async () => {
  for (const text of [null, ""]) {
    const { exit, out, err } = await why("det", text);
    assertEquals([exit, out], [100, ""]);
    assertStringIncludes(err, "no supervisor is running");
  }
});
