/** Mailboxes between processes for an hour: a thousand kills, ten million parks. */
import { assert, assertEquals } from "@std/assert";
import { killRounds, pingPong } from "../process/mailbox/mailbox_crew.ts";
import { shapeWith } from "../support/mailbox_memory.ts";

for (const [history, pauseMs] of [["keepLast", 300], ["keepAll", 300]] as const) {
  Deno.test(`mailbox, ${history}: 1,000 kills`, async () => {
    const shape = shapeWith({
      history,
      keep: history === "keepLast" ? 64 : 0,
      slots: 256,
      sampleBytes: 64,
      consumers: 2,
    });
    const { wrong, received } = await killRounds({ shape, kills: 1000, pauseMs, seed: 11 });
    assertEquals(wrong, []);
    console.log(`${received} samples`);
    assert(received > 10_000_000);
  });
}

Deno.test("mailbox: no wake-up is lost in 5,000,000 round trips, two parks each", async () => {
  const { done } = await pingPong("park", 5_000_000);
  assertEquals(done, 5_000_000);
});
