/**
 * One connection of the control server: reads requests, runs them, answers in the order
 * in which they complete. Owns the per-connection limits. Must not know: other
 * connections, what a method does.
 *
 * ```
 *  bytes ─► LineSplitter ─► parseRequest ─► checkCall ─► handler ─► answer
 *     paused while more than IN_FLIGHT_MAX calls run or more than OUT_BYTES_MAX wait
 * ```
 */
import type { Reactor } from "../os/reactor.ts";
import { UnixStream } from "../os/unix_stream.ts";
import { ControlError } from "./control_error.ts";
import {
  formatError,
  formatNotification,
  formatResult,
  parseRequest,
  type RpcErrorBody,
  type RpcId,
  type RpcParams,
} from "./json_rpc.ts";
import { LineSplitter } from "./line_splitter.ts";
import { checkCall, type MethodName } from "./params.ts";
import { RPC_ERROR } from "./protocol.ts";
import type { Connection, ControlHandler, ControlServerOptions, Peer } from "./server.ts";

/** Calls of one connection that run at once. */
const IN_FLIGHT_MAX = 32;
/** Answers and notifications that may wait for a client that does not read. */
const OUT_BYTES_MAX = 4 << 20;
/** A dropped client gets this long to read why. */
const DROP_LINGER_MS = 500;

/** What a connection is made from. */
export interface ServerConnectionOptions {
  /** Connected; the connection's from here on. */
  readonly fd: number;
  readonly reactor: Reactor;
  readonly peer: Peer;
  /** False: it is told that it is forbidden, and closed. */
  readonly allowed: boolean;
  readonly limits: ControlServerOptions["limits"];
  readonly handler: ControlHandler;
  readonly onBug: (error: unknown) => void;
}

/** See the file's header. */
export class ServerConnection implements Connection {
  readonly #options: ServerConnectionOptions;
  readonly #stream: UnixStream;
  readonly #splitter: LineSplitter;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  readonly #closeCallbacks: (() => void)[] = [];
  /** Lines that wait for a place among the running calls; bounded by the pause below. */
  #waiting: Uint8Array[] = [];
  #inFlight = 0;
  #state: "open" | "dropped" | "closed" = "open";
  #inputEnded = false;
  #finishedRequests = 0;
  #followed = false;
  #lineTimer: ReturnType<typeof setTimeout> | null = null;

  constructor(options: ServerConnectionOptions) {
    this.#options = options;
    this.#splitter = new LineSplitter(options.limits.requestBytesMax);
    this.#stream = new UnixStream(options.fd, options.reactor, {
      onData: (chunk) => this.#onData(chunk),
      onEnd: () => this.#onInputEnd(),
      onDrain: () => this.#pump(),
      onClose: () => this.#onStreamClose(),
    });
    if (!options.allowed) {
      this.#dropWith({ code: RPC_ERROR.forbidden, message: "only the crew's owner may do this" });
      return;
    }
    this.#armLineTimer();
  }

  /** A request of it was answered. */
  get hasFinishedRequest(): boolean {
    return this.#finishedRequests > 0;
  }

  /** A call of it runs, or it follows events. */
  get isBusy(): boolean {
    return this.#inFlight > 0 || this.#followed;
  }

  notify(method: string, params: unknown): boolean {
    if (this.#state !== "open") return false;
    this.#followed = true;
    if (this.#stream.queuedBytes > OUT_BYTES_MAX) {
      this.drop("the client does not read its notifications");
      return false;
    }
    this.#stream.write(formatNotification(method, params));
    return true;
  }

  onClose(callback: () => void): void {
    if (this.#state === "closed") callback();
    else this.#closeCallbacks.push(callback);
  }

  /** Closes at once; nothing more is sent. */
  destroy(): void {
    this.#stream.destroy();
  }

  /** Says why and closes: a limit was reached. */
  drop(reason: string): void {
    this.#dropWith({ code: RPC_ERROR.limit, message: reason });
  }

  /**
   * Lets what is under way leave, then closes.
   *
   * @param withinMs at most this long.
   */
  finish(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.onClose(resolve);
      if (this.#state === "closed") return;
      this.#inputEnded = true;
      this.#followed = false;
      this.#waiting = [];
      this.#clearLineTimer();
      this.#destroyAfter(withinMs);
      this.#endWhenIdle();
    });
  }

  #onData(chunk: Uint8Array): void {
    if (this.#state !== "open" || this.#inputEnded) return;
    const { lines, overflow } = this.#splitter.push(chunk);
    for (const line of lines) this.#waiting.push(line);
    if (lines.length > 0) this.#clearLineTimer();
    this.#pump();
    if (overflow) {
      this.drop(`a request must be at most ${this.#options.limits.requestBytesMax} bytes`);
    }
  }

  /** Runs what waits, as far as the limits allow, and stops reading when they do not. */
  #pump(): void {
    while (this.#state === "open" && this.#waiting.length > 0 && this.#hasRoom()) {
      const line = this.#waiting.shift();
      if (line !== undefined) this.#onLine(line);
    }
    if (this.#state !== "open") return;
    if (this.#waiting.length > 0) {
      this.#stream.pause();
      // We do not read: that a line is unfinished is our doing, not the client's.
      this.#clearLineTimer();
    } else if (this.#inputEnded) {
      this.#endWhenIdle();
    } else {
      this.#stream.resume();
      if (this.#splitter.hasPartial) this.#armLineTimer();
    }
  }

  #hasRoom(): boolean {
    return this.#inFlight < IN_FLIGHT_MAX &&
      this.#stream.queuedBytes <= OUT_BYTES_MAX;
  }

  #onLine(line: Uint8Array): void {
    let text: string;
    try {
      text = this.#decoder.decode(line);
    } catch {
      this.#answer(formatError(null, { code: RPC_ERROR.parse, message: "the line is not UTF-8" }));
      return;
    }
    const parsed = parseRequest(text);
    switch (parsed.kind) {
      case "ignored":
        return;
      case "invalid":
        this.#answer(formatError(parsed.id, parsed.error));
        return;
      case "notification":
        this.#run(null, parsed.method, parsed.params, false);
        return;
      case "request":
        this.#run(parsed.id, parsed.method, parsed.params, true);
    }
  }

  #run(id: RpcId, method: string, params: RpcParams, wantsAnswer: boolean): void {
    const refusal = checkCall(method, params);
    if (refusal !== null) {
      if (wantsAnswer) this.#answer(formatError(id, refusal));
      return;
    }
    this.#inFlight++;
    this.#call(method as MethodName, params).then((outcome) => {
      this.#inFlight--;
      if (wantsAnswer) {
        this.#answer(
          outcome.ok ? formatResult(id, outcome.result) : formatError(id, outcome.error),
        );
      }
      this.#pump();
    });
  }

  async #call(
    method: MethodName,
    params: RpcParams,
  ): Promise<{ ok: true; result: unknown } | { ok: false; error: RpcErrorBody }> {
    try {
      const { handler, peer } = this.#options;
      return { ok: true, result: await handler.call(method, params, peer, this) };
    } catch (error) {
      if (error instanceof ControlError) return { ok: false, error: error.toBody() };
      this.#options.onBug(error);
      return { ok: false, error: { code: RPC_ERROR.internal, message: `internal: ${error}` } };
    }
  }

  #answer(line: string): void {
    this.#finishedRequests++;
    if (this.#state === "open") this.#stream.write(line);
  }

  #dropWith(error: RpcErrorBody): void {
    if (this.#state !== "open") return;
    this.#stream.write(formatError(null, error));
    this.#closeSoon(DROP_LINGER_MS);
  }

  #closeSoon(withinMs: number): void {
    this.#state = "dropped";
    this.#clearLineTimer();
    this.#waiting = [];
    this.#endNow();
    this.#destroyAfter(withinMs);
  }

  /** What was written leaves, then the socket goes, whether the client closes its side or not. */
  #endNow(): void {
    // On a Unix socket the peer reads what is in its queue even after we closed.
    this.#stream.end();
  }

  #destroyAfter(withinMs: number): void {
    const timer = setTimeout(() => this.#stream.destroy(), withinMs);
    this.onClose(() => clearTimeout(timer));
  }

  #onInputEnd(): void {
    this.#inputEnded = true;
    this.#clearLineTimer();
    this.#pump();
  }

  /** `printf … | nc -U` closes its side first: what it asked is answered before we close ours. */
  #endWhenIdle(): void {
    if (this.#inFlight === 0 && !this.#followed) this.#endNow();
  }

  #onStreamClose(): void {
    this.#state = "closed";
    this.#clearLineTimer();
    this.#waiting = [];
    for (const callback of this.#closeCallbacks.splice(0)) callback();
  }

  /** The first line must come, and every begun line must end, within the request's time. */
  #armLineTimer(): void {
    if (this.#lineTimer !== null) return;
    const timeoutMs = Math.ceil(this.#options.limits.requestTimeoutNs / 1e6);
    this.#lineTimer = setTimeout(() => {
      this.#lineTimer = null;
      this.drop(`a request must be complete within ${timeoutMs} ms`);
    }, timeoutMs);
  }

  #clearLineTimer(): void {
    if (this.#lineTimer === null) return;
    clearTimeout(this.#lineTimer);
    this.#lineTimer = null;
  }
}
