/**
 * Mailboxes between processes: contents derived from the number while producer and consumers are
 * killed, no wake-up lost, a stopped consumer. Larger numbers are in tests/soak (`deno task soak`).
 */
import { assert, assertEquals } from "@std/assert";
import { shapeWith } from "../../support/mailbox_memory.ts";
import { killRounds, MailboxCrew, pingPong } from "./mailbox_crew.ts";

// All of a keepAll mailbox wait for the one that comes up.
for (const [history, pauseMs] of [["keepLast", 40], ["keepAll", 120]] as const) {
  Deno.test(`mailbox, ${history}: producer and two consumers killed 100 times: nothing torn, wrong or uncounted`, async () => {
    const result = await killRounds({
      shape: shapeWith({
        history,
        keep: history === "keepLast" ? 8 : 0,
        slots: 32,
        sampleBytes: 256,
        consumers: 2,
      }),
      kills: 100,
      pauseMs,
      seed: 7,
    });
    assertEquals(result.wrong, []);
    assert(result.received > 1_000, JSON.stringify(result));
  });
}

Deno.test("mailbox: no wake-up is lost in 50,000 round trips of two that park each time", async () => {
  const { done } = await pingPong("park", 50_000);
  assertEquals(done, 50_000);
});

Deno.test("mailbox: no wake-up is lost in 50,000 samples through two slots, both sides park", async () => {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 2, sampleBytes: 256 });
  await using crew = new MailboxCrew(shape);
  const consumer = crew.start("consumer", { waiting: "park" });
  await crew.started(consumer);
  const producer = crew.start("producer", { upTo: 50_000, waiting: "park", blockNs: 1e12 });
  assertEquals((await crew.ended(producer)).at(-1), { done: 50_000 });
  crew.end();
  const said = await crew.ended(consumer);
  assertEquals(said.filter((line) => "wrong" in line), []);
  assertEquals(said.findLast((line) => "received" in line)?.received, 50_000);
});

Deno.test("mailbox: a stopped consumer does not hold up keepLast, and is told what it missed", async () => {
  await using crew = new MailboxCrew(shapeWith({ slots: 16, keep: 8, sampleBytes: 256 }));
  const consumer = crew.start("consumer", { number: 0, waiting: "park" });
  await crew.started(consumer);
  const slow = crew.start("producer", { upTo: 1000 });
  await crew.ended(slow);
  Deno.kill(consumer.pid, "SIGSTOP");
  const producer = crew.start("producer", { upTo: 501_000 });
  assertEquals((await crew.ended(producer)).at(-1), { done: 501_000 });
  Deno.kill(consumer.pid, "SIGCONT");
  crew.end();
  const said = await crew.ended(consumer);
  assertEquals(said.at(-1), { kind: "ended" });
  const { last, received, missed, overtaken } = said.at(-2)! as Record<string, number>;
  const first = said.find((line) => "first" in line)!.first as number;
  assertEquals(last, 501_000);
  assertEquals(received! + missed! + overtaken!, last! - first + 1);
  assert(missed! > 400_000);
});
