/** The client's side of deadlines in real sealed programs, its memory read as the monitor reads it. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cycle } from "../../../src/child/mod.ts";
import { pulsePlace } from "../../../src/deadline/pulse_layout.ts";
import { CycleSource, PulseSigns, StepSource } from "../../../src/deadline/pulse_source.ts";
import { cycleLine, HEARTBEAT, stepsLine } from "../../support/pulse_memory.ts";
import { PulseBench } from "../../support/pulse_program.ts";

const MS = 1_000_000;
const say = (expression: string) => `console.log(JSON.stringify(${expression}));`;

interface Pass {
  readonly startNs: number;
  readonly endNs: number;
  readonly dueNs: number;
  readonly run: number;
}

function passesOf(bench: PulseBench, line = 0): { passes: Pass[]; source: CycleSource } {
  const source = new CycleSource(bench.views, pulsePlace(bench.lines, line));
  const passes: Pass[] = [];
  for (let pass = 1; pass <= source.begun(); pass++) {
    assert(source.read(pass));
    const { startNs, endNs, dueNs, run } = source;
    passes.push({ startNs, endNs, dueNs, run });
  }
  return { passes, source };
}

Deno.test("cycle() paces a loop without drift and stamps every pass", async () => {
  using bench = new PulseBench([cycleLine("sample", 2 * MS, 256)]);
  const { text } = await bench.run(
    "cycle",
    `const sample = cycle("sample");
     let before = 0;
     for (const { pass } of sample) {
       // The first may be late too.
       if (pass === 1) before = sample.skipped;
       if (pass === 100) break;
     }
     ${say("[sample.skipped - before, sample.periodNs]")}`,
  );
  const [skipped, periodNs] = JSON.parse(text);
  assertEquals(periodNs, 2 * MS);
  const { passes, source } = passesOf(bench);
  assertEquals(passes.length, 100);
  const first = passes[0]!.dueNs;
  assertEquals(first % (2 * MS), 0, "in step with the clock");
  for (const [at, { startNs, endNs, dueNs, run }] of passes.entries()) {
    assertEquals((dueNs - first) % (2 * MS), 0);
    assert(startNs >= dueNs && startNs < dueNs + 2 * MS && endNs >= startNs, `pass ${at}`);
    assertEquals(run, 1);
  }
  assertEquals((passes.at(-1)!.dueNs - first) / (2 * MS), 99 + skipped);
  assertEquals(source.ended(), 100);
  assert(source.isBetweenRuns(100), "it left the loop");
});

Deno.test("cycle() passes over the due times that a long pass has used up, and says how many", async () => {
  using bench = new PulseBench([{ ...cycleLine("sample", 20 * MS), offsetNs: 3 * MS }]);
  const { text } = await bench.run(
    "cycle",
    `const sample = cycle("sample");
     const told = [sample.wait(), sample.wait()];
     memory.sleepUntil(sample.tick.dueNs + ${65 * MS});
     told.push(sample.wait(), sample.wait());
     sample.end();
     sample.leave();
     ${say("told")}`,
  );
  const told: number[] = JSON.parse(text);
  assert(told[2]! >= 2, text);
  const { passes } = passesOf(bench);
  const slots = passes.map(({ dueNs }) => (dueNs - passes[0]!.dueNs) / (20 * MS));
  assertEquals(slots.slice(1), slots.slice(0, -1).map((slot, at) => slot + 1 + told[at + 1]!));
  assertEquals(passes[0]!.dueNs % (20 * MS), 3 * MS);
});

Deno.test("cycle() with for await lets the event loop turn, and ends at its signal", async () => {
  using bench = new PulseBench([cycleLine("sample", MS, 1024), HEARTBEAT]);
  const { text } = await bench.run(
    "cycle, heartbeat",
    `let turns = 0;
     const stop = new AbortController();
     const timer = setInterval(() => { if (++turns === 5) stop.abort(); }, 5);
     const { signal } = stop;
     let passes = 0;
     for await (const _ of cycle("sample", { signal })) passes++, heartbeat();
     clearInterval(timer);
     ${say("[turns, passes]")}`,
  );
  const [turns, passes] = JSON.parse(text);
  assert(turns >= 5 && passes > 0, text);
  assertEquals(passesOf(bench).source.begun(), passes);
  const signs = new PulseSigns(bench.views, pulsePlace(bench.lines, 1));
  assertEquals([signs.read(), signs.signs], [true, passes]);
});

Deno.test("cycle() entered again is a new run", async () => {
  using bench = new PulseBench([cycleLine("sample", MS)]);
  await bench.run(
    "cycle",
    `const sample = cycle("sample");
     sample.wait(), sample.leave();
     memory.sleepUntil(memory.nowNs() + ${30 * MS});
     sample.wait(), sample.wait();`,
  );
  const { passes, source } = passesOf(bench);
  assertEquals(passes.map(({ run }) => run), [1, 2, 2]);
  assertEquals(source.isBetweenRuns(3), false);
  assertEquals(source.ended(), 2);
});

Deno.test("checkpoints() stamps steps by number, and refuses one that is none", async () => {
  using bench = new PulseBench([HEARTBEAT, stepsLine("boot", ["open", "read"])]);
  const { text } = await bench.run(
    "checkpoints",
    `const boot = checkpoints("boot");
     boot.at("open"), boot.at("read"), boot.at("open");
     try { boot.at("close") } catch (error) { ${say("[error.name, error.message]")} }`,
  );
  assertEquals(JSON.parse(text), [
    "TypeError",
    'No step "close" among "boot": there are "open", "read"',
  ]);
  const source = new StepSource(bench.views, pulsePlace(bench.lines, 1));
  const steps = Array.from(
    { length: source.begun() },
    (_, at) => source.read(at + 1) && source.step,
  );
  assertEquals(steps, [0, 1, 0]);
});

Deno.test("cycle() and checkpoints() name what is declared when something else is asked for", async () => {
  using bench = new PulseBench([cycleLine("sample", MS)]);
  const { text } = await bench.run(
    "checkpoints, cycle",
    `for (const call of [() => cycle("other"), () => checkpoints("boot")]) {
       try { call() } catch (error) { console.log(error.message) }
     }`,
  );
  assertStringIncludes(
    text,
    'cycle("other"): the configuration of this process declares only "sample"',
  );
  assertStringIncludes(
    text,
    'checkpoints("boot"): the configuration of this process declares none',
  );
});

Deno.test("cycle() by hand is refused, unless it may run alone", () => {
  assertThrows(() => cycle("sample"), Error, "not started by a supervisor");
  assertThrows(() => cycle("sample", { spinUs: 1001 }), RangeError, "0 to 1000");
  assertThrows(() => cycle("sample", { alone: { periodMs: 0 } }), RangeError, "above 0");
  const began = performance.now();
  using alone = cycle("sample", { alone: { periodMs: 1 } });
  for (let pass = 0; pass < 5; pass++) alone.wait();
  assert(performance.now() - began >= 4, "five passes are four periods at least");
});
