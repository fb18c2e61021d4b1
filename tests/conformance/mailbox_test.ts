/**
 * The mailbox in the conformance suite, with `keepAll`, by the clients' own code. Bytes go through
 * memory, so that the tests of descriptors alone are not for it; its producer has nobody to lose, and
 * so sees no end of its consumers.
 */
import type { Channel } from "../../src/channel/channel.ts";
import { CONSUMER_BYTES, segmentBytes } from "../../src/channel/mailbox/layout.ts";
import { MailboxChannel } from "../../src/channel/mailbox/mailbox_channel.ts";
import { Consumer } from "../../src/child/mailbox/consumer.ts";
import { Producer } from "../../src/child/mailbox/producer.ts";
import { mailbox } from "../../src/config/define.ts";
import { mapReadOnly } from "../../src/os/futex.ts";
import { closeFd } from "../../src/os/pipe.ts";
import { mapSharedMemory } from "../../src/os/shared_memory.ts";
import { mailboxEnds } from "../../src/plan/mailbox_ends.ts";
import type { MailboxPlan } from "../../src/plan/plan.ts";
import { consumerPort, producerPort } from "../support/mailbox_memory.ts";
import { commandProcess, compiled, crew } from "../unit/plan/fixtures.ts";
import { channelSuite } from "./channel_suite.ts";

const PLAN = compiled(crew({ a: commandProcess(), b: commandProcess() }, {
  channels: {
    conformance: mailbox({
      from: "a.out",
      to: "b.in",
      sampleBytes: "64B",
      history: "keepAll",
      overflow: "fail",
      resume: "where-it-was",
    }),
  },
})).channels[0] as MailboxPlan;

/** Parts of one end, opened as for a spawn and mapped as a program would. */
function parts(
  channel: Channel,
  end: 0 | 1,
): { samples: ArrayBuffer; page: ArrayBuffer; bell: number } {
  const { descriptors } = mailboxEnds(PLAN, 0)[end]!;
  const [samples, page, bell] = descriptors.map((part) =>
    (channel as MailboxChannel).openPart(part)
  ) as [number, number, number];
  const bytes = segmentBytes(PLAN.shape);
  const mapped = end === 0
    ? { samples: mapSharedMemory(samples), page: mapReadOnly(page, CONSUMER_BYTES) }
    : { samples: mapReadOnly(samples, bytes), page: mapSharedMemory(page) };
  closeFd(samples);
  closeFd(page);
  return { ...mapped, bell };
}

channelSuite({
  name: "mailbox",
  kind: "mailbox",
  producerEnd: "write",
  consumerEnd: "read",
  isExact: false,
  keepsMessages: true,
  seesConsumersEnd: false,
  open: () => new MailboxChannel(PLAN),
  handed: (channel) =>
    mailboxEnds(PLAN, 0).flatMap(({ descriptors }) =>
      descriptors.map((part) => (channel as MailboxChannel).openPart(part))
    ),
  players: {
    producer(channel) {
      (channel as MailboxChannel).producerStarts();
      const { samples, page, bell } = parts(channel, 0);
      const port = producerPort(samples, [page], [bell]);
      const producer = new Producer({ samples, consumers: [page] }, port, { shape: PLAN.shape });
      return {
        send: (text) => producer.send(new TextEncoder().encode(text)).kind,
        close() {
          closeFd(bell);
          (channel as MailboxChannel).producerEnded();
        },
      };
    },
    consumer(channel) {
      (channel as MailboxChannel).consumerStarts(0);
      const { samples, page, bell } = parts(channel, 1);
      const consumer = new Consumer({ samples, own: page }, consumerPort(samples, page), {
        shape: PLAN.shape,
        number: 0,
        from: "resume",
      });
      return {
        take() {
          let text = "";
          for (;;) {
            const found = consumer.poll();
            if (found.kind !== "sample") {
              return { text, ended: text === "" && found.kind === "ended" };
            }
            text += new TextDecoder().decode(found.bytes);
            found.release();
          }
        },
        close() {
          closeFd(bell);
          (channel as MailboxChannel).consumerEnded(0);
        },
      };
    },
  },
});
