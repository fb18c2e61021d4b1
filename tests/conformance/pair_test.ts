/** The stream pair in the conformance suite, in both directions. */
import { PairChannel } from "../../src/channel/pair/pair_channel.ts";
import { channelSuite } from "./channel_suite.ts";
import { clientSuite } from "./client_suite.ts";
import type { Mechanism } from "./mechanism.ts";

for (const [producerEnd, consumerEnd] of [["first", "second"], ["second", "first"]] as const) {
  const pair: Mechanism = {
    name: `stream pair, ${producerEnd} to ${consumerEnd}`,
    kind: "pair",
    producerEnd,
    consumerEnd,
    rejoins: false,
    open: () =>
      new PairChannel({
        kind: "pair",
        name: "conformance",
        from: { processes: [0], port: "out", fd: 4 },
        to: { processes: [1], port: "in", fd: 4 },
        type: "stream",
        ends: "eof",
      }),
  };
  channelSuite(pair);
  clientSuite(pair);
}
