/** The relayed pipe in the conformance suite, through a real `@relay`. */
import { channelSuite } from "./channel_suite.ts";
import { clientSuite } from "./client_suite.ts";
import type { Mechanism } from "./mechanism.ts";
import { RelayedChannel } from "./relayed_channel.ts";

const relayed: Mechanism = {
  name: "relayed pipe",
  kind: "pipe",
  producerEnd: "write",
  consumerEnd: "read",
  rejoins: "never",
  isExact: false,
  keepsMessages: true,
  open: ({ framing = "lines", capacityBytes = 0 } = {}) =>
    new RelayedChannel({ framing, capacityBytes, messagesMax: 10 }),
  settle: async (channel) => await (channel as RelayedChannel).settle(),
};

channelSuite(relayed);
clientSuite(relayed);
