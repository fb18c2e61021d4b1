/**
 * The way of a connection from the runtime's server to the program: refused where too many are
 * open, looked at by the supervisor where clients are declared, held back where they come too
 * fast. Until then nothing of it is read. Must not know: what is said on a connection.
 *
 * ```
 *  backlog ──► accepted ──► waiting ──► checked ──► paced ──► the program's
 *                 │ too many      │ no declared client
 *                 ▼               ▼
 *               closed          closed
 * ```
 */
import type { Server, Socket } from "node:net";
import type { Connection, ConnectionServer, Listener } from "./accept.ts";
import { connectionOf } from "./connection.ts";
import { type Gate, takeGate } from "./gate.ts";
import type { LinkInfo } from "./link.ts";
import { TokenBucket } from "./token_bucket.ts";

/** Accepted and not yet the program's, without a limit of the channel's own. */
const WAITING_MAX = 1024;
/** A flood is told of as often as this. */
const TELL_INTERVAL_MS = 1000;

/** See the file's header. */
export class InheritedListener implements Listener {
  readonly info: LinkInfo;
  #server: Server | null = null;
  #state: "new" | "open" | "closed" = "new";
  readonly #waiting: Socket[] = [];
  readonly #openMax: number;
  readonly #bucket: TokenBucket | null;
  readonly #refusals: Refusals;
  /** Accepted and not closed, wherever they are. */
  #openCount = 0;
  #wake: (() => void) | null = null;
  #error: Error | null = null;

  constructor(info: LinkInfo) {
    this.info = info;
    const { connections, perSecond } = info.limits;
    this.#openMax = connections ?? Infinity;
    this.#bucket = perSecond === undefined ? null : new TokenBucket(perSecond, performance.now());
    this.#refusals = new Refusals(info.fd);
  }

  async *accept(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Connection, void, undefined> {
    for await (const socket of this.#sockets(options.signal)) yield await connectionOf(socket);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    return this.accept();
  }

  async serve(
    server: ConnectionServer,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const open = new Set<Promise<void>>();
    // A server of node:http keeps a connection for the next request as long as it listens; this
    // one does so through us. When it no longer does, each closes after its last answer.
    const get = () => !this.#isClosed();
    Object.defineProperty(server, "listening", { configurable: true, get });
    for await (const socket of this.#sockets(options.signal)) {
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      open.add(closed);
      void closed.then(() => open.delete(closed));
      server.emit("connection", socket);
      socket.resume();
    }
    server.closeIdleConnections?.();
    await Promise.all(open);
  }

  close(): void {
    this.#state = "closed";
    this.#server?.close();
    this.#server = null;
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async *#sockets(signal: AbortSignal | undefined): AsyncGenerator<Socket, void, undefined> {
    if (this.#state !== "new") {
      throw new TypeError(`Cannot accept on "${this.info.port}": it was closed, or is iterated`);
    }
    this.#state = "open";
    const close = () => this.close();
    signal?.addEventListener("abort", close);
    try {
      if (signal?.aborted === true) close();
      else await this.#open();
      for (;;) {
        const socket = this.#waiting.shift();
        if (socket !== undefined) {
          if (await this.#isAdmitted(socket)) yield socket;
          else socket.destroy();
        } else if (this.#error !== null) throw this.#error;
        else if (this.#isClosed()) return;
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      signal?.removeEventListener("abort", close);
      this.close();
      for (const socket of this.#waiting.splice(0)) socket.destroy();
      this.#refusals.flush();
    }
  }

  /** Whether the supervisor knows it, and when its turn has come. */
  async #isAdmitted(socket: Socket): Promise<boolean> {
    if (this.info.checked === true) {
      const gate = takeGate();
      const fd = descriptorOf(socket);
      if (gate === null || fd === null || !await gate.check(this.info.fd, fd)) return false;
    }
    const waitMs = this.#bucket?.take(performance.now()) ?? 0;
    if (waitMs > 0) await new Promise<void>((resolve) => setTimeout(resolve, waitMs));
    return !socket.destroyed;
  }

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  async #open(): Promise<void> {
    // node:net costs some 15 ms to load: only those who accept pay it.
    const net = await import("node:net");
    if (this.#isClosed()) return;
    const options = { allowHalfOpen: true, pauseOnConnect: true };
    const server = net.createServer(options, (socket) => this.#take(socket));
    server.on("error", (error) => {
      this.#error = error;
      this.#wake?.();
    });
    this.#server = server.listen({ fd: this.info.fd });
  }

  #take(socket: Socket): void {
    // Whoever uses it is told of a reset; one that nobody uses must not end us.
    socket.on("error", () => {});
    if (this.#openCount >= this.#openMax || this.#waiting.length >= WAITING_MAX) {
      socket.destroy();
      return this.#refusals.count();
    }
    this.#openCount++;
    socket.once("close", () => this.#openCount--);
    this.#waiting.push(socket);
    this.#wake?.();
  }
}

/** Tells the supervisor how many were refused: the first at once, then once a second. */
class Refusals {
  readonly #listener: number;
  #untold = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;

  constructor(listener: number) {
    this.#listener = listener;
  }

  count(): void {
    this.#untold++;
    if (this.#timer === null) this.#tell();
  }

  flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#say();
  }

  #tell(): void {
    this.#timer = null;
    if (this.#untold === 0) return;
    this.#say();
    this.#timer = setTimeout(() => this.#tell(), TELL_INTERVAL_MS);
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #say(): void {
    const count = this.#untold;
    this.#untold = 0;
    const gate: Gate | null = count === 0 ? null : takeGate();
    void gate?.refused(this.#listener, count);
  }
}

/** The runtime has it on the handle alone. */
function descriptorOf(socket: Socket): number | null {
  const fd = (socket as unknown as { _handle?: { fd?: unknown } })._handle?.fd;
  return typeof fd === "number" && fd > 2 ? fd : null;
}
