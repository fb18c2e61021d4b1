/**
 * A relayed pipe as one channel: both its legs, the supervisor's link, and a real `@relay` that
 * moves the messages. Must not know: what is tested.
 */
import type { Channel, ChannelEnd } from "../../src/channel/channel.ts";
import { LegChannel } from "../../src/channel/relay/leg_channel.ts";
import { countersBytes, readLeg } from "../../src/channel/relay/relay_counters.ts";
import { RelayLink } from "../../src/channel/relay/relay_link.ts";
import { RELAY_COUNTERS_FD, RELAY_LINK_FD } from "../../src/channel/relay/relay_protocol.ts";
import { monotonicMs } from "../../src/os/monotonic.ts";
import { closeFd, openNull } from "../../src/os/pipe.ts";
import { Reactor } from "../../src/os/reactor.ts";
import { createSharedMemory, type SharedMemory } from "../../src/os/shared_memory.ts";
import { sendSignal } from "../../src/os/signals.ts";
import type { LegPlan, RelayedPlan } from "../../src/plan/plan.ts";
import { reap } from "../../src/process/reap.ts";
import { mustSpawn } from "../process/support/harness.ts";
import { eventually } from "../support/crew.ts";
import { relayedPlan } from "../unit/channel/relay_fixtures.ts";

const PROGRAM = new URL("../../src/system/relay/main.ts", import.meta.url).pathname;
const SLOT = { write: 0, read: 1 } as const;
const SIGKILL = 9;
/** It sleeps when it has done nothing for so many looks. */
const LOOKS = 4;
const LOOK_MS = 3;

/** What differs from a pipe of lines. */
export interface RelayedOptions {
  readonly framing: RelayedPlan["framing"];
  readonly capacityBytes: number;
  readonly messagesMax: number;
}

/** One producer, one consumer. */
export class RelayedChannel implements Channel {
  readonly name = "feed";
  readonly isOpen = true;
  readonly #reactor = new Reactor();
  readonly #memory: SharedMemory;
  readonly #link: RelayLink;
  readonly #legs: readonly LegChannel[];
  readonly #relay: { readonly pid: number; readonly pidfd: number };
  /** Of the newest instance at each end; null: none, or it has finally ended. */
  readonly #newest: (number | null)[] = [null, null];
  #instances = 0;

  constructor({ framing, capacityBytes, messagesMax }: RelayedOptions) {
    const plan = relayedPlan({ leg: { capacityBytes } });
    const legs = plan.channels.map((leg) => {
      const { queue, ...rest } = leg as LegPlan;
      return { ...rest, queue: queue === null ? null : { ...queue, messagesMax } };
    });
    const relayed = plan.relayed.map((one) => ({ ...one, framing, maxMessageBytes: 4096 }));
    this.#link = new RelayLink({
      plan: { ...plan, channels: legs, relayed },
      reactor: this.#reactor,
      onReport: () => {},
      onBroken: (why) => {
        throw new Error(why);
      },
      onClosed: () => {},
      onAbandoned: () => {},
    });
    this.#legs = legs.map((leg) => new LegChannel(leg, this.#link));
    this.#memory = createSharedMemory("cox-conformance", countersBytes(legs.length));
    this.#relay = startRelay(this.#link.open(), this.#memory.fd);
  }

  get capacityBytes(): number {
    return this.#legs[0]!.capacityBytes;
  }

  /** As the core does, which reopens a leg whose process had finally ended before its next start. */
  openEnd(end: ChannelEnd): number {
    if (end !== "read" && end !== "write") throw new Error(`A relayed pipe has no end "${end}"`);
    const leg = this.#legs[SLOT[end]]!;
    leg.reopen();
    const instance = ++this.#instances;
    const fd = leg.openEnd(end, instance);
    // With all consumers ended a producer's pipe never comes to @relay.
    this.#newest[SLOT[end]] = end === "write" && this.#newest[SLOT.read] === -1 ? null : instance;
    return fd;
  }

  endProducer(): void {
    this.#legs[SLOT.write]!.endProducer();
    this.#newest[SLOT.write] = null;
  }

  endConsumer(): void {
    this.#legs[SLOT.read]!.endConsumer();
    this.#newest[SLOT.read] = -1;
  }

  /** See {@link openEnd}. */
  reopen(): void {}

  fillBytes(): number {
    return this.#legs.reduce((sum, leg) => sum + leg.fillBytes(), 0);
  }

  /** Waits until `@relay` has done all that it can. */
  async settle(): Promise<void> {
    let last = "";
    let looks = 0;
    await eventually("@relay sleeps", async () => {
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      this.#link.hear();
      const now = switchesOf(this.#relay.pid);
      looks = now === last && this.#knowsAll() ? looks + 1 : 0;
      last = now;
      return looks >= LOOKS;
    });
    this.#link.hear();
  }

  [Symbol.dispose](): void {
    sendSignal(this.#relay.pid, SIGKILL);
    while (reap(this.#relay.pid).kind === "running");
    closeFd(this.#relay.pidfd);
    this.#link[Symbol.dispose]();
    this.#reactor.close();
    closeFd(this.#memory.fd);
  }

  #knowsAll(): boolean {
    const counters = new Float64Array(this.#memory.buffer);
    return this.#newest.every((instance, slot) =>
      instance === null || instance < 0 ||
      readLeg(counters, slot, monotonicMs()).instance === instance
    );
  }
}

function startRelay(linkFd: number, countersFd: number): { pid: number; pidfd: number } {
  const nullFd = openNull();
  const child = mustSpawn({
    executable: Deno.execPath(),
    argv: ["deno", "run", "--no-prompt", "--no-config", "--no-lock", "--cached-only", "--allow-ffi"]
      .concat("--v8-flags=--max-semi-space-size=2,--expose-gc", PROGRAM),
    cwd: "/",
    env: [["NO_COLOR", "1"], ["HOME", Deno.env.get("HOME") ?? "/"]],
    umask: 0o077,
    descriptors: [
      { fd: 0, source: nullFd },
      { fd: 1, source: 2 },
      { fd: 2, source: 2 },
      { fd: RELAY_LINK_FD, source: linkFd },
      { fd: RELAY_COUNTERS_FD, source: countersFd },
    ],
  });
  closeFd(linkFd);
  closeFd(nullFd);
  return child;
}

/** Changes whenever the process has run. */
function switchesOf(pid: number): string {
  const status = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/status`);
  return [...status.matchAll(/ctxt_switches:\s+(\d+)/g)].map(([, count]) => count).join();
}
