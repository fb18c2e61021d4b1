/** The direct pipe in the conformance suite. */
import { PipeChannel } from "../../src/channel/pipe/pipe_channel.ts";
import { channelSuite } from "./channel_suite.ts";
import { clientSuite } from "./client_suite.ts";
import type { Mechanism } from "./mechanism.ts";

const pipe: Mechanism = {
  name: "pipe",
  kind: "pipe",
  producerEnd: "write",
  consumerEnd: "read",
  open: ({ capacityBytes = 0 } = {}) =>
    new PipeChannel({
      kind: "pipe",
      name: "conformance",
      from: { processes: [0], port: "out", fd: 4 },
      to: { processes: [1], port: "in", fd: 4 },
      capacityBytes,
      producerEnds: "eof",
      consumerEnds: "epipe",
      stall: null,
    }),
};

channelSuite(pipe);
clientSuite(pipe);
