/**
 * The book that the supervisor keeps of relayed pipes: which pipes are held and for whom, which
 * sides have ended, and so everything that a new `@relay` has to be told. Pure: the descriptors
 * in it are numbers, and to close them is the caller's.
 *
 * ```
 *  add ──► held ──inputDone, outputDone, inputCut, outputEnded, 17th of its leg──► let go of
 *            └────outputFinished──► held, read end alone ──outputDone …──► let go of
 * ```
 *
 * Must not know: sockets, whether there is a `@relay`.
 */
import type { LegPlan, Overflow, Plan, RelayedIndex } from "../../plan/plan.ts";
import {
  LEG_PIPES_MAX,
  type PipeNumber,
  type RelayChannel,
  type RelayCommand,
} from "./relay_protocol.ts";

/** A pipe that was handed over, or is to be. */
export interface HeldPipe {
  readonly number: PipeNumber;
  readonly slot: number;
  /** Of the process at its other end. */
  readonly instance: number;
  readonly readFd: number;
  /** Of an out-leg until it is finished, else null. */
  readonly writeFd: number | null;
}

/** A command, and the pipe whose descriptors go with it. */
export interface Message {
  readonly command: RelayCommand;
  readonly pipe: PipeNumber | null;
}

interface Leg {
  readonly plan: LegPlan;
  /** Oldest first. */
  readonly pipes: HeldPipe[];
  ended: boolean;
  /** Another overflow than the plan's is in force. */
  overflow: Overflow | null;
}

/** One per supervisor. */
export class RelayLedger {
  readonly #channels: readonly RelayChannel[];
  readonly #legs: readonly Leg[];
  #newestPipe = 0;

  constructor(plan: Pick<Plan, "relayed" | "channels" | "processes">) {
    this.#channels = relayChannels(plan);
    this.#legs = plan.channels.filter((channel) => channel.kind === "leg")
      .toSorted((a, b) => a.slot - b.slot)
      .map((leg) => ({ plan: leg, pipes: [], ended: false, overflow: null }));
  }

  /** Number of legs. */
  get slots(): number {
    return this.#legs.length;
  }

  /** The newest pipe; 0 before the first. */
  get newestPipe(): PipeNumber {
    return this.#newestPipe;
  }

  /** The plan of a leg. */
  planOf(slot: number): LegPlan {
    return this.#leg(slot).plan;
  }

  /** The pipes of a leg that are held, oldest first. */
  pipesOf(slot: number): readonly HeldPipe[] {
    return this.#leg(slot).pipes;
  }

  /** A pipe that is held; null when it was let go of. */
  find(number: PipeNumber): HeldPipe | null {
    for (const { pipes } of this.#legs) {
      const found = pipes.find((pipe) => pipe.number === number);
      if (found !== undefined) return found;
    }
    return null;
  }

  /**
   * Enters a new pipe. Its leg has not ended, then.
   *
   * @returns the pipe, and the one that had to give way to it.
   */
  add(
    slot: number,
    instance: number,
    ends: { readonly readFd: number; readonly writeFd: number | null },
  ): { readonly pipe: HeldPipe; readonly displaced: HeldPipe | null } {
    const leg = this.#leg(slot);
    const pipe: HeldPipe = { number: ++this.#newestPipe, slot, instance, ...ends };
    leg.ended = false;
    leg.pipes.push(pipe);
    const displaced = leg.pipes.length > LEG_PIPES_MAX ? leg.pipes.shift()! : null;
    return { pipe, displaced };
  }

  /** Strikes a pipe out. @returns it, for its ends to be closed; null when it is not held. */
  remove(number: PipeNumber): HeldPipe | null {
    const pipe = this.find(number);
    if (pipe === null) return null;
    const { pipes } = this.#leg(pipe.slot);
    pipes.splice(pipes.indexOf(pipe), 1);
    return pipe;
  }

  /** Its write end goes. @returns the descriptor to close; null when there is none. */
  finish(number: PipeNumber): number | null {
    const pipe = this.find(number);
    if (pipe === null || pipe.writeFd === null) return null;
    const { pipes } = this.#leg(pipe.slot);
    pipes[pipes.indexOf(pipe)] = { ...pipe, writeFd: null };
    return pipe.writeFd;
  }

  /**
   * The process of this leg has finally ended, and the other side is to see it.
   *
   * @returns pipes that nobody has a use for any more; null when it had ended before.
   */
  end(slot: number): readonly HeldPipe[] | null {
    const leg = this.#leg(slot);
    if (leg.ended) return null;
    leg.ended = true;
    if (leg.plan.direction === "in") return [];
    const inputs = this.isDeaf(leg.plan.relayed) ? this.#inputsOf(leg.plan.relayed) : [];
    return [leg, ...inputs].flatMap(({ pipes }) => pipes.splice(0));
  }

  /** A process that had finally ended starts again. */
  reopen(slot: number): void {
    this.#leg(slot).ended = false;
  }

  /** Whether all consumers have ended and the producers are to see it. */
  isDeaf(relayed: RelayedIndex): boolean {
    return this.#legs.every(({ plan, ended }) =>
      plan.relayed !== relayed || plan.direction === "in" || ended
    );
  }

  /** Another overflow from now on; null: the plan's. @returns the one in force. */
  setOverflow(slot: number, overflow: Overflow | null): Overflow {
    const leg = this.#leg(slot);
    const { queue } = leg.plan;
    if (queue === null) throw new Error(`Slot ${slot} has no queue`);
    leg.overflow = overflow;
    return overflow ?? queue.overflow;
  }

  /** Everything, for a new `@relay`. */
  greeting(): Message[] {
    const pipes = this.#legs.flatMap((leg) => leg.pipes).toSorted((a, b) => a.number - b.number);
    const commands: RelayCommand[] = this.#legs.flatMap(({ ended, overflow }, slot) => [
      ...ended ? [this.endCommand(slot)] : [],
      ...overflow === null ? [] : [{ kind: "overflow", slot, overflow } as const],
    ]);
    return [
      ...this.#channels.map((channel) => message({ kind: "channel", channel })),
      ...pipes.map((pipe) => this.pipeMessage(pipe)),
      ...commands.map((command) => message(command)),
    ];
  }

  /** Hands a pipe over. */
  pipeMessage({ number, slot, instance }: HeldPipe): Message {
    const kind = this.planOf(slot).direction === "in" ? "input" : "output";
    return { command: { kind, slot, instance, pipe: number }, pipe: number };
  }

  /** Says that a leg has ended. */
  endCommand(slot: number): RelayCommand {
    const kind = this.planOf(slot).direction === "in" ? "inputEnded" : "outputEnded";
    return { kind, slot };
  }

  #inputsOf(relayed: RelayedIndex): readonly Leg[] {
    return this.#legs.filter(({ plan }) => plan.relayed === relayed && plan.direction === "in");
  }

  #leg(slot: number): Leg {
    const leg = this.#legs[slot];
    if (leg === undefined) throw new Error(`No leg has slot ${slot}`);
    return leg;
  }
}

/** A command without a pipe. */
export function message(command: RelayCommand): Message {
  return { command, pipe: null };
}

function relayChannels(
  { relayed, channels, processes }: Pick<Plan, "relayed" | "channels" | "processes">,
): RelayChannel[] {
  const legAt = (index: number) => {
    const leg = channels[index];
    if (leg?.kind !== "leg") throw new Error(`Channel ${index} of the plan is no leg`);
    return leg;
  };
  const nameOf = (port: LegPlan["from"]) => processes[port.processes[0] ?? -1]?.name ?? "?";
  return relayed.map(({ name, framing, maxMessageBytes, onMalformed, rate, inLegs, outLegs }) => ({
    name,
    framing,
    maxMessageBytes,
    onMalformed,
    rate,
    inputs: inLegs.map(legAt).map(({ from, slot }) => ({ process: nameOf(from), slot })),
    outputs: outLegs.map(legAt).map(({ to, slot, queue }) => {
      if (queue === null) throw new Error(`A leg of "${name}" to a consumer has no queue`);
      return { process: nameOf(to), slot, queue };
    }),
  }));
}
