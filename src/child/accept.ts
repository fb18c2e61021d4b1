/**
 * Connections on an inherited listener, with no permission. Owns their way from the runtime's
 * server to an iteration, and the end of both. Must not know: what is said on a connection.
 *
 * The supervisor holds the listener as well: closing it here takes nothing from the clients
 * that wait to be accepted; the next instance serves them. What was accepted ends with the
 * program, so a server that is to lose nothing closes the listener at SIGTERM and serves what
 * it has accepted to the end.
 */
import type { Server, Socket } from "node:net";
import { takeLink } from "./find_link.ts";
import type { LinkInfo } from "./link.ts";

/** One client. Disposing closes it at once. */
export interface Connection extends Disposable {
  /** What the client says; ends when it has said all. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What it is told; closing it tells the end and leaves the other direction. */
  readonly writable: WritableStream<Uint8Array>;
  /** Closes both directions at once. Idempotent. */
  close(): void;
}

/** An inherited listener; made by {@linkcode listener}. */
export interface Listener extends Disposable, AsyncIterable<Connection> {
  /** What the supervisor said of it. */
  readonly info: LinkInfo;
  /**
   * Accepts until {@linkcode Listener.close}, or until `signal` ends the iteration, which
   * closes the listener too: connections that were accepted come first, all others wait for
   * the next instance. One iteration a listener.
   *
   * @throws {TypeError} when it was iterated or closed before.
   */
  accept(options?: { readonly signal?: AbortSignal }): AsyncGenerator<Connection, void, undefined>;
  /** Accepts no more; connections go on. Idempotent. */
  close(): void;
}

/**
 * Takes an inherited listener, by the name of its port or of its channel. Needs no permission.
 *
 * For HTTP give its descriptor to node:http instead, which accepts by itself:
 * `createServer(handler).listen({ fd: takeListenerFd("http") })`.
 *
 * @param name `"http"`.
 * @returns The listener; accepting begins with its iteration.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when the link is no listener, or was taken before.
 *
 * @example An echo server (alone it says how to run it)
 * ```ts
 * import { isSupervised, listener, NotSupervisedError, stopSignal } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * if (isSupervised()) {
 *   for await (const client of listener("echo").accept({ signal: stopSignal() })) {
 *     client.readable.pipeTo(client.writable).catch(() => client.close());
 *   }
 * } else assertThrows(() => listener("echo"), NotSupervisedError, "cox up");
 * ```
 */
export function listener(name: string): Listener {
  return new InheritedListener(takeLink(name, { call: "listener", refuse: refuseOthers }));
}

/**
 * Takes the descriptor of an inherited listener, for a server that accepts by itself.
 *
 * @param name Its port, or its channel.
 * @returns The number to give to `listen({ fd })` of node:http, node:https or node:net.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when the link is no listener, or was taken before.
 *
 * @example
 * ```ts
 * import { isSupervised, takeListenerFd } from "coxswain/child";
 * import { createServer } from "node:http";
 *
 * const server = createServer((_request, response) => response.end("hello\n"));
 * if (isSupervised()) server.listen({ fd: takeListenerFd("http") });
 * console.assert(!server.listening || isSupervised());
 * ```
 */
export function takeListenerFd(name: string): number {
  return takeLink(name, { call: "takeListenerFd", refuse: refuseOthers }).fd;
}

function refuseOthers({ direction, kind }: LinkInfo): string | null {
  return direction === "accept" ? null : `it is no listener (${kind})`;
}

class InheritedListener implements Listener {
  readonly info: LinkInfo;
  #server: Server | null = null;
  #state: "new" | "open" | "closed" = "new";
  readonly #accepted: Socket[] = [];
  #wake: (() => void) | null = null;
  #error: Error | null = null;

  constructor(info: LinkInfo) {
    this.info = info;
  }

  async *accept(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Connection, void, undefined> {
    if (this.#state !== "new") {
      throw new TypeError(`Cannot accept on "${this.info.port}": it was closed, or is iterated`);
    }
    this.#state = "open";
    const close = () => this.close();
    options.signal?.addEventListener("abort", close);
    try {
      if (options.signal?.aborted === true) close();
      else await this.#open();
      for (;;) {
        const socket = this.#accepted.shift();
        if (socket !== undefined) yield await connectionOf(socket);
        else if (this.#error !== null) throw this.#error;
        else if (this.#isClosed()) return;
        else await new Promise<void>((resolve) => this.#wake = resolve);
      }
    } finally {
      options.signal?.removeEventListener("abort", close);
      this.close();
      for (const socket of this.#accepted.splice(0)) socket.destroy();
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Connection, void, undefined> {
    return this.accept();
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

  #isClosed(): boolean {
    return this.#state === "closed";
  }

  async #open(): Promise<void> {
    // node:net costs some 15 ms to load: only those who accept pay it.
    const net = await import("node:net");
    if (this.#isClosed()) return;
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#accepted.push(socket);
      this.#wake?.();
    });
    server.on("error", (error) => {
      this.#error = error;
      this.#wake?.();
    });
    this.#server = server.listen({ fd: this.info.fd });
  }
}

async function connectionOf(socket: Socket): Promise<Connection> {
  const { Duplex } = await import("node:stream");
  // Its streams report a reset to whoever uses them; one that nobody uses must not end us.
  socket.on("error", () => {});
  const { readable, writable } = Duplex.toWeb(socket) as {
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
  };
  const close = () => void socket.destroy();
  return { readable, writable, close, [Symbol.dispose]: close };
}
