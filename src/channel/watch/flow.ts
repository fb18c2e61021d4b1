/**
 * The wiring as a graph for whoever asks who keeps whom waiting: processes, and between them
 * flows. A flow is one direction of a channel: a pipe is one, a pair two, a relayed pipe one
 * for each leg. Pure. Must not know: how full anything is.
 */
import type { ChannelIndex, Plan, ProcessIndex, RelayedIndex } from "../../plan/plan.ts";

/** Index into the list of {@link flowsOf}. */
export type FlowIndex = number;

/** One direction in which bytes or messages go. */
export interface Flow {
  readonly channel: ChannelIndex;
  /** Of the channel, or of the relayed pipe. */
  readonly name: string;
  readonly kind: "pipe" | "pair" | "in-leg" | "out-leg";
  readonly from: readonly ProcessIndex[];
  readonly to: readonly ProcessIndex[];
  /** Of a pair: the socket that is written to. */
  readonly side: "first" | "second" | null;
  /** Of a leg. */
  readonly relayed: RelayedIndex | null;
  /** Of an in-leg: its producer waits when it sends faster than it may. */
  readonly isRated: boolean;
}

/** Every flow of a plan, in the order of its channels. Listeners and mailboxes have none. */
export function flowsOf(plan: Pick<Plan, "channels" | "relayed">): readonly Flow[] {
  return plan.channels.flatMap((channel, index): Flow[] => {
    if (channel.kind === "listen" || channel.kind === "mailbox") return [];
    const { name } = channel;
    const [from, to] = [channel.from.processes, channel.to.processes];
    const flow = { channel: index, name, from, to, side: null, relayed: null, isRated: false };
    switch (channel.kind) {
      case "pipe":
        return [{ ...flow, kind: "pipe" }];
      case "pair":
        return [
          { ...flow, kind: "pair", side: "first" },
          { ...flow, kind: "pair", side: "second", from: to, to: from },
        ];
      case "leg": {
        const { relayed, direction } = channel;
        if (direction === "out") return [{ ...flow, kind: "out-leg", relayed }];
        const isRated = plan.relayed[relayed]?.rate?.overflow === "block";
        return [{ ...flow, kind: "in-leg", relayed, isRated }];
      }
    }
  });
}
