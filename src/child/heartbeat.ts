/**
 * `heartbeat()`: this program lives. Owns the choice between the stamp and the message.
 * Must not know: how often is often enough.
 */
import { type PulsePlace, stampSign } from "../deadline/pulse_layout.ts";
import { watchdog } from "./notify.ts";
import { findLine, type Pulse } from "./pulse.ts";
import { notifyDescriptor } from "./supervision.ts";

interface Own {
  readonly pulse: Pulse;
  readonly place: PulsePlace;
}

/** null: there is no memory. undefined: it was not looked for yet. */
let own: Own | null | undefined;
let isSending = false;
let failure: Error | null = null;

/**
 * Shows a sign of life.
 *
 * With `deadlines: { heartbeat: { within } }` in the configuration it stamps shared memory: some
 * 40 nanoseconds, no system call, nothing allocated, so call it as often as you like. Call it where
 * the work is done and not from a timer of its own: a timer goes on while the work stands still.
 *
 * **Without that memory** (the contract is `by: "notify"`, or there is none) it sends
 * {@linkcode watchdog} messages instead: a system call each, some 20 microseconds, on the event
 * loop, so that a program that never gives way sends none. While one is on its way no other is sent.
 *
 * @throws {NotSupervisedError} when no supervisor started the program.
 * @throws {Error} when a message before could not be sent, with the system's error as `cause`.
 *
 * @example
 * ```ts
 * import { heartbeat, isSupervised } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * // In a program of its own: `heartbeat()`. By hand there is nobody to hear it:
 * if (isSupervised()) heartbeat();
 * else assertThrows(() => heartbeat(), Error, "not started by a supervisor");
 * ```
 */
export function heartbeat(): void {
  if (own === undefined) own = findOwn();
  if (own === null) return send();
  const { pulse, place } = own;
  stampSign(pulse.words, pulse.doubles, place, pulse.nowNs());
}

function findOwn(): Own | null {
  const line = findLine("heartbeat", "");
  if (line !== null) return { pulse: line[0], place: line[1].place };
  // There has to be somebody to send to.
  notifyDescriptor("heartbeat");
  return null;
}

function send(): void {
  if (failure !== null) throw failure;
  if (isSending) return;
  isSending = true;
  watchdog().then(() => isSending = false, (error) => failure = error);
}
