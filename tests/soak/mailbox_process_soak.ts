/**
 * Mailboxes between processes for half an hour: a thousand kills while a hundred million samples are
 * checked, ten million parks.
 */
import { assert, assertEquals } from "@std/assert";
import { killRounds, pingPong } from "../process/mailbox/mailbox_crew.ts";
import { shapeWith } from "../support/mailbox_memory.ts";

/** Of each history; the members are killed in turns that a seed decides. */
const KILLS = 500;
const SAMPLES = 50_000_000;

for (const history of ["keepLast", "keepAll"] as const) {
  Deno.test(`mailbox, ${history}: ${KILLS} kills, ${SAMPLES} samples checked`, async () => {
    const shape = shapeWith({
      history,
      keep: history === "keepLast" ? 512 : 0,
      slots: 1024,
      sampleBytes: 64,
      consumers: 2,
    });
    const options = { shape, kills: KILLS, samples: SAMPLES, pauseMs: 600, seed: 11 };
    const { wrong, received, kills } = await killRounds(options);
    assertEquals(wrong, []);
    console.log(`${kills} kills, ${received} samples`);
    assert(kills >= KILLS && received >= SAMPLES);
  });
}

Deno.test("mailbox: no wake-up is lost in 5,000,000 round trips, two parks each", async () => {
  const { done } = await pingPong("park", 5_000_000);
  assertEquals(done, 5_000_000);
});
