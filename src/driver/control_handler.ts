/**
 * Answers the control protocol's methods: names become processes, requests go to the core,
 * and answers wait until it is done. Must not know: sockets, JSON.
 */
import type { EventLog } from "../audit/event_log.ts";
import type { EventRecord } from "../audit/event_record.ts";
import type { StampsReport } from "../control/deadline_report.ts";
import { ControlError } from "../control/control_error.ts";
import type { MethodName } from "../control/params.ts";
import {
  type CrewSnapshot,
  type ProcessParams,
  type RequestResult,
  RPC_ERROR,
} from "../control/protocol.ts";
import type { Connection, ControlHandler, Peer } from "../control/server.ts";
import type { Admission } from "../core/effect.ts";
import type { Request } from "../core/event.ts";
import { signalNumber } from "../os/signals.ts";
import type { ProcessIndex } from "../plan/plan.ts";
import type { ChannelReporter } from "./channel_report.ts";
import type { Deadlines } from "./monitor/deadlines.ts";
import { knownNames, resolveNames } from "./names.ts";
import type { Supervisor } from "./supervisor.ts";
import type { Goal } from "./waiters.ts";

/** What the handler speaks for. */
export interface ControlHandlerParts {
  readonly supervisor: Supervisor;
  readonly log: EventLog;
  readonly cox: string;
  readonly pid: number;
  readonly snapshot: () => Promise<CrewSnapshot>;
  /** null in a crew without contracts. */
  readonly deadlines: Deadlines | null;
  /** Begins to watch the channels for one connection. */
  readonly watchChannels: () => ChannelReporter;
}

/** Of the past, if nothing is said, and at most. */
const STAMPS_SECONDS = 5;
const STAMPS_SECONDS_MAX = 3600;

type Outcome = RequestResult["outcomes"][number];
type ProcessOp = "start" | "stop" | "restart";

/** The one handler of a supervisor. */
export class SupervisorControl implements ControlHandler {
  readonly #parts: ControlHandlerParts;
  readonly #reporters = new WeakMap<Connection, ChannelReporter>();

  constructor(parts: ControlHandlerParts) {
    this.#parts = parts;
  }

  async call(
    method: MethodName,
    params: Readonly<Record<string, unknown>>,
    peer: Peer,
    connection: Connection,
  ): Promise<unknown> {
    switch (method) {
      case "version":
        return { cox: this.#parts.cox, pid: this.#parts.pid };
      case "snapshot":
        return await this.#parts.snapshot();
      case "start":
      case "stop":
      case "restart":
        return await this.#processes(method, params as unknown as ProcessParams, peer, connection);
      case "signal":
        return this.#signal(params as unknown as { name: string; signal: string }, peer);
      case "shutdown":
        return this.#shutdown(peer);
      case "channels":
        return await this.#reporterOf(connection).report();
      case "deadlines":
        return { deadlines: await this.#parts.deadlines?.snapshots() ?? {} };
      case "stamps":
        return this.#stamps(params as { seconds?: number });
      case "events":
        return this.#events(params as { since?: number; follow?: boolean }, connection);
    }
  }

  async #processes(
    op: ProcessOp,
    { name, wait = true }: ProcessParams,
    peer: Peer,
    connection: Connection,
  ): Promise<RequestResult> {
    const processes = this.#resolve(typeof name === "string" ? [name] : name);
    const gone = new AbortController();
    connection.onClose(() => gone.abort());
    // Backwards for a stop, so that dependents go before what they depend on.
    const order = op === "stop" ? processes.toReversed() : processes;
    const outcomes = order.map((process): Promise<Outcome> => {
      const before = this.#parts.supervisor.state.processes[process]?.instance ?? 0;
      const admission = this.#ask({ op, process }, op, process, peer);
      return this.#outcome(
        admission,
        process,
        wait ? goalOf(admission, op, process, before) : null,
        gone.signal,
      );
    });
    return { outcomes: await Promise.all(op === "stop" ? outcomes.toReversed() : outcomes) };
  }

  async #outcome(
    admission: Admission,
    process: ProcessIndex,
    goal: Goal | null,
    gone: AbortSignal,
  ): Promise<Outcome> {
    const { supervisor } = this.#parts;
    const name = this.#nameOf(process);
    const answer: Outcome = {
      process: name,
      kind: admission.kind,
      reason: admission.kind === "accepted" ? null : admission.reason,
    };
    if (goal === null) return answer;
    const reached = await supervisor.waiters.wait(goal, supervisor.state, gone);
    if (reached === "reached") return answer;
    const status = supervisor.state.processes[process]?.status ?? "unknown";
    return { process: name, kind: "failed", reason: `it is ${status}` };
  }

  #signal({ name, signal }: { name: string; signal: string }, peer: Peer): RequestResult {
    const number = signalNumber(signal.startsWith("SIG") ? signal : `SIG${signal}`) ??
      (/^[0-9]+$/.test(signal) ? Number(signal) : undefined);
    if (number === undefined || number < 1 || number > 64) {
      throw new ControlError(RPC_ERROR.invalidParams, `there is no signal "${signal}"`);
    }
    const outcomes = this.#resolve([name]).map((process): Outcome => {
      const admission = this.#ask(
        { op: "signal", process, signal: number },
        "signal",
        process,
        peer,
      );
      const reason = admission.kind === "accepted" ? null : admission.reason;
      return { process: this.#nameOf(process), kind: admission.kind, reason };
    });
    return { outcomes };
  }

  #shutdown(peer: Peer): { accepted: true } {
    this.#recordRequest("shutdown", "", { kind: "accepted" }, peer);
    this.#parts.supervisor.request({ op: "shutdown", exitCode: 0 });
    return { accepted: true };
  }

  #events(
    { since = 1, follow = false }: { since?: number; follow?: boolean },
    connection: Connection,
  ): { events: readonly EventRecord[]; next: number } {
    const { log } = this.#parts;
    const events = log.since(since);
    if (follow) {
      const unfollow = log.follow((record) => {
        if (!connection.notify("event", record)) unfollow();
      });
      connection.onClose(unfollow);
    }
    return { events, next: log.seq + 1 };
  }

  #stamps({ seconds = STAMPS_SECONDS }: { seconds?: number }): StampsReport {
    if (seconds < 1 || seconds > STAMPS_SECONDS_MAX) {
      const message = `seconds must be 1 to ${STAMPS_SECONDS_MAX}`;
      throw new ControlError(RPC_ERROR.invalidParams, message);
    }
    const { deadlines } = this.#parts;
    return deadlines?.stamps(seconds) ?? { fromMs: 0, toMs: 0, processes: [] };
  }

  /** A connection watches from its first call on, until it is closed. */
  #reporterOf(connection: Connection): ChannelReporter {
    const known = this.#reporters.get(connection);
    if (known !== undefined) return known;
    const reporter = this.#parts.watchChannels();
    this.#reporters.set(connection, reporter);
    connection.onClose(() => reporter[Symbol.dispose]());
    return reporter;
  }

  #ask(request: Request, op: string, process: ProcessIndex, peer: Peer): Admission {
    const admission = this.#parts.supervisor.request(request);
    this.#recordRequest(op, this.#nameOf(process), admission, peer);
    return admission;
  }

  #recordRequest(op: string, name: string, admission: Admission, peer: Peer): void {
    this.#parts.supervisor.record({
      event: "request",
      op,
      name,
      outcome: admission.kind,
      reason: admission.kind === "accepted" ? null : admission.reason,
      peerUid: peer.uid,
      peerPid: peer.pid,
    });
  }

  #resolve(names: readonly string[]): readonly ProcessIndex[] {
    const { plan } = this.#parts.supervisor.state;
    const { processes, unknown } = resolveNames(plan, names);
    if (unknown === null) return processes;
    throw new ControlError(
      RPC_ERROR.unknownName,
      `there is no process or group "${unknown}"`,
      { known: knownNames(plan) },
    );
  }

  #nameOf(process: ProcessIndex): string {
    return this.#parts.supervisor.state.plan.processes[process]?.name ?? `#${process}`;
  }
}

/** What to wait for, also where it was under way already. @returns null: for nothing. */
function goalOf(
  admission: Admission,
  op: ProcessOp,
  process: ProcessIndex,
  before: number,
): Goal | null {
  if (admission.kind === "denied") return null;
  // The instance that it is restarting to may have its number already.
  if (admission.kind === "ignored" && op === "restart") return { kind: "started", process };
  switch (op) {
    case "start":
      return { kind: "started", process };
    case "stop":
      return { kind: "stopped", process };
    case "restart":
      return { kind: "restarted", process, after: before };
  }
}
