/**
 * Starts the servers of lazy listeners: watches each listener while its server is down, and
 * asks for the start at the first connection, which it does not accept. Owns when to watch.
 *
 * ```
 *  never started, or completed ──► watched ──connection──► start requested
 *  stopped by an operator, shutdown ──► not watched: connections wait
 *  failed for good ──► the listener is closed: clients are refused
 * ```
 *
 * A server that completes without accepting would be started again at once by the same
 * connection: more than 20 starts in 2 s (the figures of systemd.socket's TriggerLimit) wait
 * until the window has passed. Must not know: connections, how a server is started.
 */
import { ListenChannel } from "../channel/listen/listen_channel.ts";
import type { Channel } from "../channel/channel.ts";
import type { Request } from "../core/event.ts";
import type { CoreState, ProcessState } from "../core/state.ts";
import type { Reactor } from "../os/reactor.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";

const STARTS_MAX = 20;
const WINDOW_NS = 2_000_000_000;

/** What this needs of the supervisor. */
export interface LazyContext {
  readonly plan: Plan;
  readonly channels: readonly Channel[];
  readonly reactor: Reactor;
  readonly nowNs: () => number;
  readonly state: () => CoreState;
  /** Tells why a server starts, before it is asked for. */
  readonly connected: (channel: string) => void;
  readonly request: (request: Request) => void;
}

interface LazyListener {
  readonly channel: ListenChannel;
  readonly servers: readonly ProcessIndex[];
  watchedFd: number | null;
  /** Of the last starts by a connection; at most {@link STARTS_MAX}. */
  readonly startsNs: number[];
  timer: ReturnType<typeof setTimeout> | null;
}

/** All lazy listeners of a plan. */
export class LazyStarts {
  readonly #context: LazyContext;
  readonly #listeners: readonly LazyListener[];

  constructor(context: LazyContext) {
    this.#context = context;
    this.#listeners = context.plan.channels.flatMap((plan, index) => {
      const channel = context.channels[index];
      if (plan.kind !== "listen" || !plan.lazy || !(channel instanceof ListenChannel)) return [];
      return [{ channel, servers: plan.to.processes, watchedFd: null, startsNs: [], timer: null }];
    });
  }

  /** Called with each new state. */
  look(state: CoreState): void {
    for (const listener of this.#listeners) this.#lookAt(listener, state);
  }

  #lookAt(listener: LazyListener, state: CoreState): void {
    const servers = listener.servers.map((p) => state.processes[p]!);
    const up = state.phase === "up" && state.shutdown === null;
    // In the safe mode what was to run has been started, and nothing else is.
    const wanted = up && !state.safeMode && servers.every(isAsleep);
    if (!wanted) this.#unwatch(listener);
    if (up && servers.every(({ status }) => status === "failed")) listener.channel.refuse();
    if (!wanted || listener.watchedFd !== null || listener.timer !== null) return;
    const { fd } = listener.channel;
    // It could not be bound: the start tries again, and its failure is seen and retried.
    if (fd === null) return queueMicrotask(() => this.#start(listener));
    const waitNs = this.#waitNs(listener);
    if (waitNs > 0) {
      const wake = () => {
        listener.timer = null;
        this.look(this.#context.state());
      };
      listener.timer = setTimeout(wake, Math.ceil(waitNs / 1e6));
      return;
    }
    listener.watchedFd = fd;
    this.#context.reactor.watch(fd, () => {
      this.#unwatch(listener);
      listener.startsNs.push(this.#context.nowNs());
      this.#context.connected(listener.channel.name);
      this.#start(listener);
    });
  }

  /** How long the oldest of too many starts still counts. */
  #waitNs({ startsNs }: LazyListener): number {
    const nowNs = this.#context.nowNs();
    while (startsNs.length > 0 && startsNs[0]! <= nowNs - WINDOW_NS) startsNs.shift();
    return startsNs.length < STARTS_MAX ? 0 : startsNs[0]! + WINDOW_NS - nowNs;
  }

  #start(listener: LazyListener): void {
    for (const process of listener.servers) this.#context.request({ op: "start", process });
  }

  #unwatch(listener: LazyListener): void {
    if (listener.timer !== null) clearTimeout(listener.timer);
    listener.timer = null;
    if (listener.watchedFd === null) return;
    this.#context.reactor.unwatch(listener.watchedFd);
    listener.watchedFd = null;
  }
}

/** Down, and not because an operator wants it down or because it failed. */
function isAsleep({ status, starts }: ProcessState): boolean {
  return status === "completed" || (status === "idle" && starts === 0);
}
