/**
 * How much of a batch is taken now: by the rate of its producer, by the room at its consumers, by
 * what is wrong with it. Condemns what comes faster than it may. Pure; the time is told.
 * Must not know: descriptors, queues but for their room.
 */
import type { LinkEndReason } from "../../channel/relay/relay_protocol.ts";
import type { Overflow, RelayedPlan } from "../../plan/plan.ts";
import { type MessageBatch, VERDICT } from "./message_batch.ts";
import type { RateLimit } from "./token_bucket.ts";

/** What a consumer's policy and room are. */
export interface Room {
  readonly isEnded: boolean;
  readonly overflow: Overflow;
  readonly roomMessages: number;
  readonly roomBytes: number;
}

/** The answer. */
export interface Admission {
  /** So many of the first messages are taken, the bad among them too. */
  count: number;
  /** The link of the producer ends after them. */
  cut: LinkEndReason | null;
  /** More would have been taken, but for want of room. */
  isShortOfRoom: boolean;
  /** More may be taken so many milliseconds from now; 0: the rate is not in the way. */
  waitMs: number;
}

/** What ends a link for what is wrong with a message. */
export function faultOf(verdict: number): LinkEndReason {
  return verdict === VERDICT.malformed ? "malformed" : "oversized";
}

/**
 * Decides about a batch. Where its first message has no room at a consumer that does not block,
 * that consumer's pipe was tried and is full.
 *
 * @param limit null: no rate.
 */
export function admit(
  batch: MessageBatch,
  rooms: readonly Room[],
  limit: RateLimit | null,
  onMalformed: RelayedPlan["onMalformed"],
  nowMs: number,
): Admission {
  const admission: Admission = { count: batch.count, cut: null, isShortOfRoom: false, waitMs: 0 };
  if (onMalformed === "end") cutAtFault(batch, admission);
  for (const room of rooms) {
    if (room.isEnded) continue;
    const count = batch.prefixWithin(admission.count, room.roomMessages, room.roomBytes);
    if (count === admission.count) continue;
    if (room.overflow === "block") shorten(admission, count).isShortOfRoom = true;
    // First what has room; that may be gone to its consumer before the rest is decided about.
    else if (count > 0) shorten(admission, count);
  }
  if (limit !== null) admitByRate(batch, limit, nowMs, admission);
  for (const room of rooms) {
    if (room.isEnded || room.overflow !== "fail") continue;
    const count = batch.prefixWithin(admission.count, room.roomMessages, room.roomBytes);
    // The one that finds no room is taken too: dropped there, and counted.
    if (count < admission.count) shorten(admission, count + 1).cut = "overflow";
  }
  return admission;
}

/** What was to happen behind the new end does not. */
function shorten(admission: Admission, count: number): Admission {
  if (count < admission.count) admission.cut = null;
  admission.count = count;
  return admission;
}

function cutAtFault(batch: MessageBatch, admission: Admission): void {
  const bad = batch.firstBad(batch.count);
  if (bad === -1) return;
  admission.count = bad + 1;
  admission.cut = faultOf(batch.verdicts[bad]!);
}

function admitByRate(
  batch: MessageBatch,
  limit: RateLimit,
  nowMs: number,
  admission: Admission,
): void {
  const messages = limit.messages(nowMs);
  const bytes = limit.bytes(nowMs);
  const within = batch.prefixWithin(admission.count, messages, bytes);
  if (within === admission.count) return charge(batch, limit, within);
  if (limit.overflow === "block") {
    shorten(admission, within);
    charge(batch, limit, within);
    admission.waitMs = limit.waitMs(batch.ends[within]! - batch.start(within), nowMs);
    return;
  }
  condemnExcess(batch, within, messages, bytes, limit.overflow, admission);
  charge(batch, limit, admission.count);
}

/** A smaller message may still be within what a larger one was above. */
function condemnExcess(
  batch: MessageBatch,
  from: number,
  messages: number,
  bytes: number,
  overflow: RateLimit["overflow"],
  admission: Admission,
): void {
  const [spentMessages, spentBytes] = goodOf(batch, from);
  let messagesLeft = messages - spentMessages;
  let bytesLeft = bytes - spentBytes;
  for (let index = from; index < admission.count; index++) {
    if (batch.verdicts[index] !== VERDICT.good) continue;
    const size = batch.ends[index]! - batch.start(index);
    if (messagesLeft >= 1 && bytesLeft >= size) {
      messagesLeft--;
      bytesLeft -= size;
      continue;
    }
    batch.condemn(index, VERDICT.rate, null);
    if (overflow !== "fail") continue;
    shorten(admission, index + 1).cut = "rate";
    return;
  }
}

function charge(batch: MessageBatch, limit: RateLimit, count: number): void {
  const [messages, bytes] = goodOf(batch, count);
  limit.take(messages, bytes);
}

/** How many of the first `count` messages are good, and their bytes. */
function goodOf(batch: MessageBatch, count: number): readonly [messages: number, bytes: number] {
  if (batch.badCount === 0) return [count, batch.bytesOf(count)];
  let messages = 0;
  let bytes = 0;
  for (let index = 0; index < count; index++) {
    if (batch.verdicts[index] !== VERDICT.good) continue;
    messages++;
    bytes += batch.ends[index]! - batch.start(index);
  }
  return [messages, bytes];
}
