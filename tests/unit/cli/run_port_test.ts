/** What `cox run --port` says, and the configuration that it makes. */
import { assertEquals, assertThrows } from "@std/assert";
import { struct } from "../../../src/channel/mailbox/schema.ts";
import { UserError } from "../../../src/cli/exit_codes.ts";
import { runConfig } from "../../../src/cli/run_config.ts";
import { parsePort } from "../../../src/cli/run_port.ts";
import { LINE_SAMPLE_BYTES_MAX, parseShape, ShapeError } from "../../../src/cli/run_shape.ts";

Deno.test("parsePort() tells files, commands, pairs, listeners and this terminal apart", () => {
  const endOf = (how: string) => parsePort(`a=${how}`).end;
  assertEquals(endOf("-"), { kind: "terminal" });
  assertEquals(endOf("<f"), { kind: "file", direction: "read", path: "f" });
  assertEquals(endOf(">f"), { kind: "file", direction: "write", path: "f" });
  assertEquals(endOf("<|x y"), { kind: "shell", direction: "read", command: "x y" });
  assertEquals(endOf(">|x"), { kind: "shell", direction: "write", command: "x" });
  assertEquals(endOf("<>|x"), { kind: "pair", type: "stream", command: "x" });
  assertEquals(endOf("seqpacket|x"), { kind: "pair", type: "seqpacket", command: "x" });
  assertEquals(endOf("listen:80"), { kind: "listen", address: "80" });
  for (const text of ["a", "a=", "=-", "a=f", "a=<"]) {
    assertThrows(() => parsePort(text), UserError, "Option --port must be");
  }
});

Deno.test("parsePort() takes a mailbox either way, with lines of a file, a command, the terminal", () => {
  const shape = { sampleBytes: 16, schema: null, slots: null };
  const endOf = (how: string) => parsePort(`a=mailbox:16B${how}`).end;
  const mailbox = { kind: "mailbox", shape } as const;
  assertEquals(endOf("<-"), { ...mailbox, direction: "read", lines: null });
  assertEquals(endOf(">-"), { ...mailbox, direction: "write", lines: null });
  assertEquals(endOf("<f"), {
    ...mailbox,
    direction: "read",
    lines: { kind: "file", direction: "read", path: "f" },
  });
  assertEquals(endOf(">|x > y"), {
    ...mailbox,
    direction: "write",
    lines: { kind: "shell", direction: "write", command: "x > y" },
  });
  for (const how of ["", "-", "<", "<>|x", ">>f", "<<f"]) {
    assertThrows(() => endOf(how), UserError, "a mailbox must be mailbox:SHAPE and then");
  }
  assertThrows(
    () => parsePort("a=mailbox:<-"),
    UserError,
    "Option --port a=mailbox:<-: its samples",
  );
});

Deno.test("parseShape() reads sizes, structs in their normal form, and slots", () => {
  assertEquals(parseShape("64KiB"), { sampleBytes: 65_536, schema: null, slots: null });
  assertEquals(parseShape("1B,slots=2"), { sampleBytes: 1, schema: null, slots: 2 });
  const schema = struct({ t: "f64", axis: ["f32", 3] });
  assertEquals(parseShape("struct{t:f64;axis:f32[3];}"), { sampleBytes: 24, schema, slots: null });
  assertEquals(parseShape("struct{t:f64;axis:f32[3]},slots=1048576").slots, 1_048_576);
});

Deno.test("parseShape() has limits, and says which rule a text breaks", () => {
  assertEquals(parseShape(`${LINE_SAMPLE_BYTES_MAX}B`).sampleBytes, LINE_SAMPLE_BYTES_MAX);
  const cases = [
    [`${LINE_SAMPLE_BYTES_MAX + 1}B`, "its samples must have 1B to 32MiB"],
    [`struct{x:u8[${LINE_SAMPLE_BYTES_MAX + 1}];}`, "its samples must have 1B to 32MiB"],
    ["0B", "its samples must have 1B"],
    ["12", "must be a size"],
    ["1B,slots=1", "its slots must be a whole number from 2 to 1048576"],
    ["1B,slots=1048577", 'are "1048577"'],
    ["1B,slots=", 'are ""'],
    ["1B,slots=4,keep=2", 'may be ",slots=NUMBER" alone, is ",slots=4,keep=2"'],
    ["struct{a:u8;},keep=2,slots=4", 'alone, is ",keep=2,slots=4"'],
    ["1B,", 'alone, is ","'],
    ["struct{a:u8,b:u8}", "field 1 of its struct must be NAME:TYPE"],
    ["struct{}", "field 1 of its struct must be NAME:TYPE"],
    ["struct{a:u8;b}", "field 2 of its struct must be NAME:TYPE or NAME:TYPE[LENGTH]"],
    ["struct{a:toString;}", "field 1 of its struct"],
    ["struct{a:u8;a:u8;}", 'its struct names "a" twice'],
    ["struct{a:u8[0];}", 'field "a" of its struct must be a whole number from 1'],
    ["struct{_:u8;}", 'field "_" of its struct must be a letter'],
    ["struct{__proto__:u8;}", 'field "__proto__" of its struct must be a letter'],
    ["struct{a:u8;", "its struct must be"],
  ] as const;
  for (const [text, rule] of cases) assertThrows(() => parseShape(text), ShapeError, rule);
});

Deno.test("runConfig() puts a program of ours between a mailbox and its lines", () => {
  const config = runConfig({
    program: "p.ts",
    args: [],
    ports: ["lines-1=mailbox:16B,slots=4<f", "out=mailbox:struct{x:u8;}>-"].map(parsePort),
    permissions: {},
    env: {},
    coxDir: "/cox",
  }) as { processes: Record<string, { run: unknown }>; channels: Record<string, unknown> };
  const run = (name: string) => config.processes[name]?.run;
  const schema = JSON.stringify(struct({ x: "u8" }));
  const samples = "/cox/src/system/samples";
  assertEquals(run("feed-1"), {
    kind: "deno",
    path: `${samples}/feed.ts`,
    args: ["lines-1", "16", "null"],
  });
  assertEquals(run("tell-2"), {
    kind: "deno",
    path: `${samples}/tell.ts`,
    args: ["out", "1", schema],
  });
  const all = {
    kind: "mailbox",
    history: "keepAll",
    overflow: "block",
    blockFor: "1h",
    resume: "where-it-was",
  };
  assertEquals(config.channels, {
    "lines-1": {
      ...all,
      from: "feed-1.samples",
      to: "program.lines-1",
      sampleBytes: "16B",
      slots: 4,
    },
    out: { ...all, from: "program.out", to: "tell-2.samples", schema: struct({ x: "u8" }) },
    // The name that it would have had is a port's.
    "lines-1_": { kind: "pipe", from: "file-1.stdout", to: "feed-1.stdin" },
  });
});

Deno.test("runConfig() gives this terminal's input, and its output, to one port alone", () => {
  const make = (...ports: string[]) => () =>
    runConfig({
      program: "p.ts",
      args: [],
      ports: ports.map(parsePort),
      permissions: {},
      env: {},
      coxDir: "/cox",
    });
  const text = "Only one --port can read this terminal";
  assertThrows(make("a=mailbox:1B<-", "b=mailbox:1B<-"), UserError, text);
  assertThrows(make("a=mailbox:1B<-", "b=-"), UserError, text);
  const written = "Only one --port can write to this terminal";
  assertThrows(make("a=mailbox:1B>-", "b=mailbox:1B>-"), UserError, written);
  assertThrows(make("a=mailbox:1B>-", "b=-"), UserError, written);
  make("a=mailbox:1B<-", "b=mailbox:1B>-", "c=mailbox:1B>f", "d=mailbox:1B<|x")();
});
