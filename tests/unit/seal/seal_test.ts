/** The seal in real programs: what it maps and hands over, and that it keeps nothing back. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { BELL, CONSUMER_BELL } from "../../../src/channel/mailbox/layout.ts";
import { openFutex, wordPointer } from "../../../src/os/futex.ts";
import { readFd } from "../../../src/os/pipe.ts";
import { preloadSource } from "../../../src/plan/preload.ts";
import { sealText } from "../../../src/seal/seal_text.ts";
import { O_CLOEXEC } from "../../../src/os/libc.ts";
import { eventually } from "../../support/crew.ts";
import { runSealed, SealedBench } from "../../support/sealed_program.ts";

/** A ready-made line of JSON. */
const say = (expression: string) => `console.log(JSON.stringify(${expression}));`;

Deno.test("sealText() names nothing but its own functions, and is well under one argument's size", () => {
  using bench = new SealedBench();
  const { request } = bench.consumer();
  const text = sealText(request);
  assertEquals(/\bimport\b/.test(text), false);
  const url = preloadSource({
    process: "p",
    notifyFd: null,
    gateFd: null,
    links: [],
    memory: request,
  });
  assert(url.length < 24_000, `${url.length} bytes`);
});

Deno.test("seal() maps each segment with the access that it was told, before the program begins", async () => {
  using bench = new SealedBench();
  new Int32Array(bench.memory.samples.buffer)[100] = 41;
  const { text } = await runSealed(
    `
    const [mailbox] = memory.mailboxes;
    new Int32Array(mailbox.own)[50] = 7;
    new Int32Array(memory.pulse.buffer)[3] = 9;
    ${
      say(`{
        role: mailbox.role, port: mailbox.port,
        sizes: [mailbox.samples, mailbox.own, memory.pulse.buffer].map((b) => b.byteLength),
        seen: new Int32Array(mailbox.samples)[100],
        calls: Object.keys(mailbox.calls),
      }`)
    }`,
    bench.consumer(),
  );
  const { samples } = bench.memory;
  assertEquals(JSON.parse(text), {
    role: "consumer",
    port: "samples",
    sizes: [samples.buffer.byteLength, 4096, 4096],
    seen: 41,
    calls: ["waitForBell", "wakeProducer", "nowNs"],
  });
  assertEquals(new Int32Array(bench.memory.consumers[0]!.buffer)[50], 7);
  assertEquals(new Int32Array(bench.pulse.buffer)[3], 9);
});

Deno.test("seal() makes calls that sleep, wake and ring on the words that the plan names", async () => {
  using bench = new SealedBench();
  const word = new Int32Array(bench.memory.samples.buffer);
  word[BELL] = 5;
  const { nowNs, wake } = openFutex();
  const bell = wordPointer(bench.memory.samples.buffer, BELL * 4);
  // Wakes again and again: the sleeper may not sleep yet.
  const timer = setInterval(() => wake(bell), 20);
  const began = nowNs();
  const { text } = await runSealed(
    `
    const { calls } = memory.mailboxes[0];
    const times = [calls.nowNs()];
    calls.waitForBell(4, 10e9); // is not what is there
    times.push(calls.nowNs());
    calls.waitForBell(5, 30e6); // nobody wakes within … but the timer
    times.push(calls.nowNs());
    calls.waitForBell(5, Infinity);
    times.push(memory.nowNs());
    for (const wrong of ["5", null, undefined, {}, NaN, 5n]) calls.waitForBell(wrong, 1e9), calls.waitForBell(5, wrong);
    calls.wakeProducer();
    ${say("times")}`,
    bench.consumer(),
  );
  clearInterval(timer);
  const times: number[] = JSON.parse(text);
  assert(times[0]! >= began && times[3]! <= nowNs(), "it is the clock that we have");
  assert(times.every((time, at) => at === 0 || time >= times[at - 1]!), text);
});

Deno.test("seal() hands over a sleep until a time, which what is no number does not begin", async () => {
  using bench = new SealedBench();
  const { text } = await runSealed(
    `
    // The machine may be busy in one of these; in none that sleeps it would be as short.
    let least = Infinity;
    for (let round = 0; round < 50; round++) {
      const began = memory.nowNs();
      for (const wrong of ["5", null, undefined, {}, NaN, 5n, -1, 0, Infinity]) memory.sleepUntil(wrong);
      memory.sleepUntil(began - 1e9);
      least = Math.min(least, memory.nowNs() - began);
    }
    const before = memory.nowNs();
    memory.sleepUntil(before + 30e6);
    ${say("[least, memory.nowNs() - before]")}`,
    bench.consumer(),
  );
  const [wrongNs, sleptNs]: number[] = JSON.parse(text);
  assert(wrongNs! < 25e6, `slept ${wrongNs} ns`);
  assert(sleptNs! >= 30e6, `slept ${sleptNs} ns`);
});

Deno.test("seal() gives a producer its consumers by number, and nothing for any other number", async () => {
  using bench = new SealedBench();
  new Int32Array(bench.memory.consumers[0]!.buffer)[CONSUMER_BELL] = 3;
  const { text } = await runSealed(
    `
    const [{ calls, consumers, samples }] = memory.mailboxes;
    new Int32Array(samples)[200] = 77;
    calls.ring(0);
    for (const wrong of [1, -1, 0.5, "0", NaN, null, undefined, {}, 1e9]) {
      calls.ring(wrong);
      calls.waitForConsumer(wrong, 3, 1e12);
    }
    calls.waitForConsumer(0, 4, 1e12);
    calls.waitForConsumer(0, 3, 1e6);
    calls.wakeConsumers();
    ${say("[consumers.length, Object.keys(calls)]")}`,
    bench.producer(),
  );
  assertEquals(JSON.parse(text), [
    1,
    ["waitForConsumer", "wakeConsumers", "ring", "nowNs"],
  ]);
  assertEquals(new Int32Array(bench.memory.samples.buffer)[200], 77);
  assertEquals(readFd(bench.doorbell.readFd, new Uint8Array(16)), 1);
});

Deno.test("seal() ends the process with a reason when memory cannot be mapped", async () => {
  using bench = new SealedBench();
  const { request, descriptors } = bench.consumer();
  const wrong = descriptors.map(({ fd, source }) => ({ fd, source: fd === 4 ? 0 : source }));
  const { text, code } = await runSealed(`console.log("began")`, { request, descriptors: wrong });
  assertEquals(code, 1);
  assertStringIncludes(text, "cox: cannot map the samples: errno 19"); // ENODEV
  assertEquals(text.includes("began"), false);
});

Deno.test("seal() leaves no descriptor of memory open, and none that an exec would pass on", async () => {
  using bench = new SealedBench();
  const own = new Int32Array(bench.memory.consumers[0]!.buffer);
  const samples = new Int32Array(bench.memory.samples.buffer);
  let held: { readonly path: string; readonly flags: number }[] = [];
  await runSealed(
    `
    const [{ calls, own }] = memory.mailboxes;
    new Int32Array(own)[60] = 1;
    calls.waitForBell(0, 20e9);`,
    bench.consumer(),
    {
      meanwhile: async (pid) => {
        await eventually("the program waits", () => own[60] === 1);
        held = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => ({
          path: Deno.readLinkSync(`/proc/${pid}/fd/${name}`),
          flags: parseInt(
            /flags:\s*(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/fdinfo/${name}`))![1]!,
            8,
          ),
        }));
        Atomics.store(samples, BELL, 1);
        openFutex().wake(wordPointer(bench.memory.samples.buffer, BELL * 4));
      },
    },
  );
  assertEquals(held.filter(({ path }) => path.startsWith("/memfd:")), []);
  const pipe = Deno.readLinkSync(`/proc/self/fd/${bench.doorbell.readFd}`);
  const doorbell = held.filter(({ path }) => path === pipe);
  assertEquals(doorbell.map(({ flags }) => flags & O_CLOEXEC), [O_CLOEXEC]);
});
