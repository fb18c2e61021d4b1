/**
 * When the ends of a channel are let go and made anew: an end is let go when each of its
 * processes has finally ended, once, and made anew when one of them starts again.
 * Must not know: what a channel is made of.
 */
import type { ChannelIndex, ProcessIndex } from "../plan/plan.ts";
import { type Draft, isFinal } from "./draft.ts";
import type { ChannelState } from "./state.ts";

/** Lets go of the ends that a final status of `p` leaves without any process. */
export function endChannels(draft: Draft, p: ProcessIndex): void {
  for (const c of draft.index.produces[p]!) endSide(draft, c, "from");
  for (const c of draft.index.consumes[p]!) endSide(draft, c, "to");
}

/**
 * `p` leaves its final status: every channel of which an end was let go is made anew.
 * The mechanism makes both ends anew, so the other is let go again if it still has nobody.
 */
export function reopenChannels(draft: Draft, p: ProcessIndex): void {
  for (const c of draft.index.produces[p]!) {
    if (!draft.channels[c]!.producersEnded) continue;
    reopen(draft, c);
    endSide(draft, c, "to");
  }
  for (const c of draft.index.consumes[p]!) {
    if (!draft.channels[c]!.consumersEnded) continue;
    reopen(draft, c);
    endSide(draft, c, "from");
  }
}

function reopen(draft: Draft, c: ChannelIndex): void {
  write(draft, c, { producersEnded: false, consumersEnded: false });
  draft.effects.push({ kind: "reopenChannel", channel: c });
}

function endSide(draft: Draft, c: ChannelIndex, side: "from" | "to"): void {
  const state = draft.channels[c]!;
  if (side === "from" ? state.producersEnded : state.consumersEnded) return;
  const { processes } = draft.plan.channels[c]![side];
  for (const p of processes) if (!isFinal(draft.processes[p]!.status)) return;
  if (side === "from") {
    write(draft, c, { ...state, producersEnded: true });
    draft.effects.push({ kind: "endProducer", channel: c });
  } else {
    write(draft, c, { ...state, consumersEnded: true });
    draft.effects.push({ kind: "endConsumer", channel: c });
  }
}

function write(draft: Draft, c: ChannelIndex, state: ChannelState): void {
  if (draft.channels === draft.base.channels) draft.channels = draft.channels.slice();
  (draft.channels as ChannelState[])[c] = state;
}
