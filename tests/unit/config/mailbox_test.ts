import { assertEquals } from "@std/assert";
import { struct } from "../../../src/channel/mailbox/schema.ts";
import type { ConfigIssue } from "../../../src/config/config.ts";
import { command, keepAll, keepLast, mailbox, task } from "../../../src/config/define.ts";
import { validateConfig } from "../../../src/config/validate.ts";

const run = command(["true"]);

function issuesOf(channel: unknown, processes: Record<string, unknown> = {}): ConfigIssue[] {
  return validateConfig({
    name: "crew",
    processes: { a: { run }, b: { run }, c: { run }, ...processes },
    channels: { box: channel },
  }).issues;
}

/** Path, message and fix of the only issue. */
function only(channel: unknown, processes: Record<string, unknown> = {}) {
  const issues = issuesOf(channel, processes);
  assertEquals(issues.length, 1, JSON.stringify(issues, null, 1));
  return [issues[0]!.path.slice(2).join("."), issues[0]!.message, issues[0]!.fix];
}

const base = { kind: "mailbox", from: "a.x", to: "b.x", sampleBytes: "64B" };

Deno.test("validateConfig() takes what mailbox() makes, with all of its keys", () => {
  assertEquals(issuesOf(mailbox({ from: "a.x", to: "b.x", sampleBytes: "1B" })), []);
  const schema = struct({ t: "f64", values: ["f32", 250] });
  const all = mailbox({
    from: "a.x",
    to: ["b.x", {
      port: "c.x",
      wait: "park",
      behind: "newest",
      resume: "where-it-was",
      lifespan: "1ms",
    }],
    schema,
    sampleBytes: "1008B",
    slots: 1_048_576,
    history: keepLast(1_048_575),
    wait: "spin-then-park",
    spin: "1us",
    behind: "oldest",
    resume: "newest",
    lifespan: "50ms",
    checksum: "crc32c",
    lock: true,
    hugePages: true,
    checked: true,
  });
  assertEquals(issuesOf(all), []);
  const held = { from: "a.x", to: "b.x", sampleBytes: "1GiB", slots: 2, history: keepAll } as const;
  assertEquals(issuesOf(mailbox({ ...held, overflow: "block", blockFor: "1us" })), []);
  assertEquals(issuesOf(mailbox({ ...held, overflow: "fail" })), []);
});

Deno.test("validateConfig() refuses a mailbox without a size, or with two that differ", () => {
  const { sampleBytes: _, ...none } = base;
  assertEquals(only(none), [
    "",
    'a mailbox must have one of "sampleBytes" and "schema"',
    'sampleBytes: "64KiB", or a schema',
  ]);
  assertEquals(only({ ...base, schema: struct({ t: "f64" }) }), [
    "sampleBytes",
    'the schema\'s samples have 8 bytes, "sampleBytes" says 64',
    "remove it: it follows from the schema",
  ]);
});

Deno.test("validateConfig() refuses more to be kept than there is room for beside what is written", () => {
  assertEquals(issuesOf({ ...base, slots: 4, history: keepLast(3) }), []);
  assertEquals(only({ ...base, slots: 4, history: keepLast(4) }), [
    "history.keepLast",
    'must be less than "slots", which is 4, is 4: what is being written is not kept',
    "slots: 5 or more",
  ]);
  assertEquals(
    only({ ...base, history: keepLast(8) })[1],
    'must be less than "slots", which is 8 (by default), is 8: what is being written is not kept',
  );
});

Deno.test("validateConfig() refuses keys of a mailbox that mean nothing together", () => {
  const cases: [object, string][] = [
    [{ overflow: "fail" }, "overflow"],
    [{ blockFor: "1ms" }, "blockFor"],
    [{ history: keepAll, overflow: "fail", blockFor: "1ms" }, "blockFor"],
    [{ history: keepAll, behind: "newest" }, "behind"],
    [{ history: keepAll, to: [{ port: "b.x", behind: "newest" }] }, "to.0.behind"],
    [{ wait: "park", spin: "1us" }, "spin"],
    [{ wait: "spin", spin: "1us" }, "spin"],
    [{ wait: "park", to: [{ port: "b.x", spin: "1us" }] }, "to.0.spin"],
  ];
  for (const [keys, path] of cases) {
    assertEquals(only({ ...base, ...keys })[0], path, JSON.stringify(keys));
  }
});

Deno.test("validateConfig() refuses ends of a mailbox that no process can hold", () => {
  assertEquals(only({ ...base, to: "a.y" })[1], '"a" would feed itself');
  assertEquals(only({ ...base, to: ["b.x", "b.x"] })[1], '"b.x" is listed twice');
  assertEquals(only(base, { a: { run, replicas: 2 } })[0], "from");
  assertEquals(
    only(base, { b: { run, replicas: 3 } })[1],
    '"b" has 3 replicas, and an end of a mailbox is one process\'s',
  );
  assertEquals(
    only(base, { b: { run: task("t") } })[1],
    '"b" runs a task: the programs of a task do not inherit memory',
  );
  assertEquals(
    only({ ...base, to: "b.stdin" })[1],
    '"to" must be no standard stream, is "b.stdin"',
  );
});

Deno.test("validateConfig() holds the numbers of a mailbox to their limits", () => {
  const refused: [object, string][] = [
    [{ slots: 1 }, "slots"],
    [{ slots: 1_048_577 }, "slots"],
    [{ sampleBytes: "0B" }, "sampleBytes"],
    [{ sampleBytes: "1025MiB" }, "sampleBytes"],
    [{ history: { keepLast: 0 } }, "history.keepLast"],
    [{ to: Array.from({ length: 65 }, (_, at) => `b.x${at}`) }, "to"],
    [{ to: [] }, "to"],
    [{ spin: "0us" }, "spin"],
    [{ lifespan: "999us" }, "lifespan"],
    [{ to: [{ port: "b.x", lifespan: "0ms" }] }, "to.0.lifespan"],
  ];
  for (const [keys, path] of refused) {
    assertEquals(only({ ...base, ...keys })[0], path, JSON.stringify(keys));
  }
  const consumers = Array.from({ length: 64 }, (_, at) => `b.x${at}`);
  assertEquals(issuesOf({ ...base, to: consumers }), []);
  assertEquals(only({ ...base, sampleBytes: "1GiB", slots: 4 })[0], "slots");
});

Deno.test("validateConfig() says which field of a schema is wrong", () => {
  const { sampleBytes: _, ...none } = base;
  const of = (fields: unknown) => only({ ...none, schema: { kind: "struct", fields } })[0];
  assertEquals(of({}), "schema.fields");
  assertEquals(of({ "1st": "f64" }), "schema.fields.1st");
  assertEquals(of({ t: "f16" }), "schema.fields.t");
  assertEquals(of({ t: ["f64", 0] }), "schema.fields.t.1");
});
