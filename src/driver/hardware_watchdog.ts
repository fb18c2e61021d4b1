/**
 * Strokes a hardware watchdog for as long as no critical contract is broken and this loop turns:
 * the machine is reset when either is over for too long. Owns when it is stroked, put to rest or
 * left. Must not know: what a device is, what a contract is about.
 *
 * ```
 *   start ──► strokes ◄──► withholds (a critical contract is broken)
 *               └── end in order: put to rest        any other end: left, the machine is reset
 * ```
 */
import type { EventBody } from "../audit/event_record.ts";
import { SystemError } from "../os/errno.ts";
import { WatchdogDevice } from "../os/watchdog_device.ts";
import type { WatchdogPlan } from "../plan/contract.ts";

/** What it needs of the supervisor. */
export interface HardwareWatchdogParts {
  readonly plan: WatchdogPlan;
  /** How many critical contracts are broken. */
  readonly broken: () => number;
  readonly record: (body: EventBody) => void;
}

/** One for a supervisor whose plan has one. */
export class HardwareWatchdog {
  readonly #parts: HardwareWatchdogParts;
  #device: WatchdogDevice | null = null;
  #timer: ReturnType<typeof setInterval> | null = null;
  #withheld = false;
  /** Said once, until a stroke succeeds again. */
  #problem: string | null = null;

  constructor(parts: HardwareWatchdogParts) {
    this.#parts = parts;
  }

  /** Opens the device and strokes it from now on. One that cannot be had is warned of. */
  start(): void {
    const { device, timeoutNs, strokeNs } = this.#parts.plan;
    try {
      this.#device = WatchdogDevice.open(device, timeoutNs / 1e9);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      return this.#warn(`no hardware watchdog guards this machine: ${error.message}`);
    }
    this.#say("armed", this.#describe(this.#device));
    this.#timer = setInterval(() => this.#look(), strokeNs / 1e6);
    this.#look();
  }

  /** @param inOrder the crew ended as it was told to: the device is put to rest. Idempotent. */
  stop(inOrder: boolean): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
    const device = this.#device;
    this.#device = null;
    if (device === null) return;
    if (!inOrder) {
      device.leave();
      return this.#say("left", "the crew did not end in order: the machine will be reset");
    }
    const problem = device.disarm();
    if (problem !== null) return this.#warn(`the hardware watchdog runs on: write: ${problem}`);
    const rests = device.facts.magicClose;
    this.#say("disarmed", rests ? "" : "its driver cannot put it to rest: it may run on");
  }

  #look(): void {
    const broken = this.#parts.broken();
    if (broken > 0) {
      if (this.#withheld) return;
      this.#withheld = true;
      const contracts = broken === 1 ? "contract is" : "contracts are";
      return this.#say("withheld", `${broken} critical ${contracts} broken`);
    }
    const problem = this.#device?.stroke() ?? null;
    if (problem !== null && problem !== this.#problem) {
      this.#warn(`the hardware watchdog was not stroked: write: ${problem}`);
    }
    this.#problem = problem;
    if (!this.#withheld) return;
    this.#withheld = false;
    this.#say("stroked", "every critical contract holds again");
  }

  #describe({ facts }: WatchdogDevice): string {
    const { timeoutNs, strokeNs } = this.#parts.plan;
    const every = `stroked every ${strokeNs / 1e9} s`;
    if (facts.identity === null) return `no watchdog but a stand-in, ${every}`;
    const asked = timeoutNs / 1e9;
    const took = facts.timeoutSeconds === null
      ? `would not be told a timeout of ${asked} s`
      : facts.timeoutSeconds === asked
      ? `resets the machine after ${asked} s`
      : `resets the machine after ${facts.timeoutSeconds} s, ${asked} s were asked for`;
    return `${facts.identity}: ${took}, ${every}`;
  }

  #say(did: "armed" | "withheld" | "stroked" | "disarmed" | "left", detail: string): void {
    const { device } = this.#parts.plan;
    this.#parts.record({ event: "hardwareWatchdog", device, did, detail });
  }

  #warn(what: string): void {
    const { device } = this.#parts.plan;
    this.#parts.record({ event: "warning", message: `${device}: ${what}` });
  }
}
