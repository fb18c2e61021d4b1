/**
 * The control server: JSON-RPC 2.0, one message a line, on a Unix socket of mode 0600.
 * Owns the socket, who may connect, and every limit. Must not know: what a method does,
 * the driver, the core.
 *
 * A connection costs nothing but its place among `controlConnectionsMax`. When all are
 * taken, the oldest that never finished a request gives way, so a thousand idle or
 * half-written connections do not delay a request that is complete.
 */
import type net from "node:net";
import type { SupervisorLimits } from "../plan/plan.ts";
import { ServerConnection } from "./connection.ts";
import type { MethodName } from "./params.ts";
import type { RpcParams } from "./json_rpc.ts";
import { Listener } from "./listener.ts";

/** Who is on the other side, as the kernel says. */
export interface Peer {
  readonly uid: number;
  readonly pid: number;
}

/** One client's connection, as a handler sees it. */
export interface Connection {
  /**
   * Sends a notification. Never blocks and never buffers without limit: a client that
   * does not read is told so and dropped.
   *
   * @returns false when the connection is closed or was dropped just now.
   */
  notify(method: string, params: unknown): boolean;
  /** Calls `callback` once when the connection is gone; at once if it already is. */
  onClose(callback: () => void): void;
}

/** What answers the calls. */
export interface ControlHandler {
  /**
   * One call whose method exists and whose parameters have the protocol's shape.
   *
   * @returns the result, as JSON-safe data.
   * @throws {ControlError} a refusal, which is sent as it is. Anything else is our bug:
   * the client gets an internal error and `onBug` is called.
   */
  call(
    method: MethodName,
    params: RpcParams,
    peer: Peer,
    connection: Connection,
  ): Promise<unknown>;
}

/** What the server needs from outside. */
export interface ControlServerOptions {
  /** Absolute path of the socket, at most 107 bytes (sun_path of unix(7)). */
  readonly path: string;
  readonly limits: Pick<
    SupervisorLimits,
    "requestBytesMax" | "requestTimeoutNs" | "controlConnectionsMax"
  >;
  /** The supervisor's uid: that one and root may call. */
  readonly ownUid: number;
  /** SO_PEERCRED of a connected descriptor. */
  readonly peerOf: (fd: number) => { readonly pid: number; readonly uid: number };
  readonly handler: ControlHandler;
  /** See `ListenerOptions`. @default 30000 */
  readonly probeEveryMs?: number;
  /** Told of a handler's error that is no {@link ControlError}. */
  readonly onBug?: (error: unknown) => void;
}

/** A running server. */
export interface ControlServer {
  /** Open connections at this moment. */
  readonly connectionCount: number;
  /**
   * Stops listening, removes the socket, lets answers that are under way leave (at most
   * 200 ms) and closes every connection. Idempotent.
   */
  close(): Promise<void>;
}

/**
 * Listens on `options.path`. A socket file left by a dead supervisor is removed: the
 * caller holds the run directory's lock, so nobody can be listening on it.
 *
 * @throws {Error} when the path is too long, is something else than a socket, or cannot
 * be bound.
 */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const server = new Server(options);
  await server.listen();
  return server;
}

class Server implements ControlServer {
  readonly #options: ControlServerOptions;
  readonly #listener: Listener;
  // Insertion order is age.
  readonly #connections = new Set<ServerConnection>();
  /** Told why they go, and not gone yet. */
  readonly #leaving = new Set<ServerConnection>();
  #closing: Promise<void> | null = null;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    const { path, probeEveryMs } = options;
    this.#listener = new Listener({
      path,
      onSocket: (socket) => this.#accept(socket),
      ...(probeEveryMs === undefined ? {} : { probeEveryMs }),
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  listen(): Promise<void> {
    return this.#listener.listen();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listener.close();
    for (const connection of this.#leaving) connection.destroy();
    const ended = [...this.#connections].map((connection) => connection.finish(200));
    await Promise.all(ended);
  }

  #accept(socket: net.Socket): void {
    const peer = this.#peerOf(socket);
    if (peer === null || this.#closing !== null) {
      socket.destroy();
      return;
    }
    const allowed = peer.uid === this.#options.ownUid || peer.uid === 0;
    const connection = new ServerConnection({
      socket,
      peer,
      allowed,
      limits: this.#options.limits,
      handler: this.#options.handler,
      onBug: this.#options.onBug ?? (() => {}),
    });
    if (!allowed) return;
    this.#connections.add(connection);
    connection.onClose(() => {
      this.#connections.delete(connection);
      this.#leaving.delete(connection);
    });
    this.#makeRoom(connection);
  }

  /** Above the maximum: the oldest that never finished a request goes, else the oldest at rest. */
  #makeRoom(newest: ServerConnection): void {
    const countMax = this.#options.limits.controlConnectionsMax;
    if (this.#connections.size <= countMax) return;
    let victim: ServerConnection | null = null;
    for (const connection of this.#connections) {
      if (connection === newest || connection.isBusy) continue;
      if (!connection.hasFinishedRequest) {
        victim = connection;
        break;
      }
      victim ??= connection;
    }
    victim ??= newest;
    this.#connections.delete(victim);
    this.#leaving.add(victim);
    victim.drop("too many connections");
    for (const oldest of this.#leaving) {
      if (this.#leaving.size <= countMax) break;
      this.#leaving.delete(oldest);
      oldest.destroy();
    }
  }

  #peerOf(socket: net.Socket): Peer | null {
    // node:net shows the descriptor on its handle alone; Deno.Conn shows none at all.
    const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd;
    if (fd === undefined || fd < 0) return null;
    try {
      const { uid, pid } = this.#options.peerOf(fd);
      return { uid, pid };
    } catch {
      // Already gone.
      return null;
    }
  }
}
