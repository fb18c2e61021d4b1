/**
 * Every interleaving of a small mailbox's producer and consumers, with a death at every step, by
 * the code that clients run; and that the same exploration finds each of the mistakes.
 */
import { assert, assertEquals, assertThrows, fail } from "@std/assert";
import { consumerEnded, producerEnded } from "../../src/channel/mailbox/attendance.ts";
import { ConsumerCore } from "../../src/child/mailbox/consumer_core.ts";
import { ProducerCore } from "../../src/child/mailbox/producer_core.ts";
import { RESTARTED_CONSUMER, SUITE, UNSETTLED } from "./cases.ts";
import { explore } from "./explore.ts";
import { Violation } from "./machine.ts";
import { type MailboxCode, mailboxModel } from "./mailbox_model.ts";
import { type Mutant, MUTANTS } from "./mutants.ts";

const SOAK = Deno.env.get("COX_SOAK") === "1";
const STATES_MAX = 2_000_000;
const SRC = new URL("../../src/", import.meta.url);
const CODE: MailboxCode = { ProducerCore, ConsumerCore, producerEnded, consumerEnded };

for (const { name, options } of SUITE) {
  Deno.test(`mailbox: no interleaving breaks a rule: ${name}`, () => {
    const { states, ends } = explore(mailboxModel(CODE, options), STATES_MAX);
    assert(states > 1_000 && ends > 0, `${states} states, ${ends} ends`);
  });
}

Deno.test("mailbox: the model finds a producer that does not let a cursor arrive", () => {
  const run = () => explore(mailboxModel(CODE, UNSETTLED), STATES_MAX);
  assertThrows(run, Violation, "sleeps for ever");
});

/** Copies the mailbox's code and applies the patch to the copy. */
async function loadMutant(mutant: Mutant, dir: string): Promise<MailboxCode> {
  let applied = 0;
  for (const folder of ["child/mailbox/", "channel/mailbox/"]) {
    await Deno.mkdir(`${dir}/${folder}`, { recursive: true });
    for await (const { name } of Deno.readDir(new URL(folder, SRC))) {
      let text = await Deno.readTextFile(new URL(folder + name, SRC));
      if (folder + name === mutant.file) {
        applied = text.split(mutant.search).length - 1;
        text = text.replace(mutant.search, () => mutant.replace);
      }
      await Deno.writeTextFile(`${dir}/${folder}${name}`, text);
    }
  }
  assertEquals(applied, 1, `the patch of "${mutant.name}" applies ${applied} times, not once`);
  const load = (path: string) => import(`file://${dir}/${path}`);
  return {
    ...await load("child/mailbox/producer_core.ts"),
    ...await load("child/mailbox/consumer_core.ts"),
    ...await load("channel/mailbox/attendance.ts"),
  };
}

/** The name of the first case that finds it; null when none does. */
function caughtBy(code: MailboxCode): string | null {
  for (const { name, options } of [...SUITE, RESTARTED_CONSUMER]) {
    try {
      explore(mailboxModel(code, options), STATES_MAX);
    } catch (error) {
      // It must break a rule. One that merely crashes proves nothing about the rules.
      if (error instanceof Violation) return name;
      if (error instanceof RangeError) continue;
      throw error;
    }
  }
  return null;
}

for (const mutant of MUTANTS) {
  const ignore = mutant.slow === true && !SOAK;
  Deno.test({ name: `mailbox: the model finds "${mutant.name}"`, ignore }, async () => {
    const dir = await Deno.makeTempDir({ prefix: "cox-mutant-" });
    try {
      const code = await loadMutant(mutant, dir);
      if (caughtBy(code) === null) fail("no case finds it");
    } finally {
      await Deno.remove(dir, { recursive: true });
    }
  });
}
