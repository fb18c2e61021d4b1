/** The larger mailboxes of tests/model: `deno test -A --v8-flags=--max-old-space-size=12000`. */
import { assert } from "@std/assert";
import { consumerEnded, producerEnded } from "../../src/channel/mailbox/attendance.ts";
import { ConsumerCore } from "../../src/child/mailbox/consumer_core.ts";
import { ProducerCore } from "../../src/child/mailbox/producer_core.ts";
import { SOAK } from "../model/cases.ts";
import { explore } from "../model/explore.ts";
import { mailboxModel } from "../model/mailbox_model.ts";

for (const { name, options } of SOAK) {
  Deno.test(`mailbox: no interleaving breaks a rule: ${name}`, () => {
    const code = { ProducerCore, ConsumerCore, producerEnded, consumerEnded };
    const { states, ends } = explore(mailboxModel(code, options), 60_000_000);
    console.log(`${states} states`);
    assert(ends > 0);
  });
}
