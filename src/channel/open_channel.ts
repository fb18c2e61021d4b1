/**
 * From a channel of the plan to the mechanism that carries it. Owns the choice alone.
 * Must not know: what a mechanism does.
 */
import type { ChannelPlan } from "../plan/plan.ts";
import type { Channel } from "./channel.ts";
import { LegChannel } from "./relay/leg_channel.ts";
import type { RelayLink } from "./relay/relay_link.ts";
import { ListenChannel } from "./listen/listen_channel.ts";
import { MailboxChannel } from "./mailbox/mailbox_channel.ts";
import { PairChannel } from "./pair/pair_channel.ts";
import { PipeChannel } from "./pipe/pipe_channel.ts";

/**
 * Makes what a channel needs, once for the whole run.
 *
 * @param relay The link to `@relay`, where the plan has legs.
 * @throws {SystemError} when the kernel refuses.
 */
export function openChannel(plan: ChannelPlan, relay: RelayLink | null): Channel {
  switch (plan.kind) {
    case "pipe":
      return new PipeChannel(plan);
    case "pair":
      return new PairChannel(plan);
    case "listen":
      return new ListenChannel(plan);
    case "mailbox":
      return new MailboxChannel(plan);
    case "leg":
      if (relay === null) throw new Error(`A leg of "${plan.name}" needs @relay`);
      return new LegChannel(plan, relay);
  }
}
