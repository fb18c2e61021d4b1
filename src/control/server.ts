/**
 * The control server: JSON-RPC 2.0, one message a line, on a Unix socket of mode 0600.
 * Owns the socket, who may connect, and every limit. Must not know: what a method does,
 * the driver, the core.
 *
 * A connection costs nothing but its place among `controlConnectionsMax`. When all are
 * taken, the oldest that never finished a request gives way, so a thousand idle or
 * half-written connections do not delay a request that is complete.
 */
import { closeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
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
  readonly reactor: Reactor;
  readonly limits: Pick<
    SupervisorLimits,
    "requestBytesMax" | "requestTimeoutNs" | "controlConnectionsMax"
  >;
  /** The supervisor's uid: that one and root may call. */
  readonly ownUid: number;
  /** SO_PEERCRED of a connected descriptor; throws when it cannot be told. */
  readonly peerOf: (fd: number) => { readonly pid: number; readonly uid: number };
  readonly handler: ControlHandler;
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
export function startControlServer(options: ControlServerOptions): ControlServer {
  return new Server(options);
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
    const { path, reactor } = options;
    this.#listener = new Listener({
      path,
      reactor,
      onConnection: (fd) => this.#accept(fd),
      onExhausted: () => this.#letOneGo(null),
    });
  }

  get connectionCount(): number {
    return this.#connections.size;
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

  #accept(fd: number): void {
    const peer = this.#peerOf(fd);
    if (peer === null) {
      closeFd(fd);
      this.#listener.descriptorFreed();
      return;
    }
    const { ownUid, reactor, limits, handler, onBug } = this.#options;
    const allowed = peer.uid === ownUid || peer.uid === 0;
    const connection = new ServerConnection({
      fd,
      reactor,
      peer,
      allowed,
      limits,
      handler,
      onBug: onBug ?? (() => {}),
    });
    connection.onClose(() => {
      this.#connections.delete(connection);
      this.#leaving.delete(connection);
      this.#listener.descriptorFreed();
    });
    if (!allowed) return;
    this.#connections.add(connection);
    if (this.#connections.size > limits.controlConnectionsMax) this.#letOneGo(connection);
  }

  /**
   * The oldest that never finished a request goes, else the oldest at rest.
   *
   * @param newest Goes when all others are at work; null: then none does.
   */
  #letOneGo(newest: ServerConnection | null): void {
    const victim = this.#oldestAtRest(newest) ?? newest;
    if (victim === null) return;
    this.#connections.delete(victim);
    this.#leaving.add(victim);
    victim.drop("too many connections");
    for (const oldest of this.#leaving) {
      if (this.#leaving.size <= this.#options.limits.controlConnectionsMax) break;
      this.#leaving.delete(oldest);
      oldest.destroy();
    }
  }

  #oldestAtRest(newest: ServerConnection | null): ServerConnection | null {
    let oldest: ServerConnection | null = null;
    for (const connection of this.#connections) {
      if (connection === newest || connection.isBusy) continue;
      if (!connection.hasFinishedRequest) return connection;
      oldest ??= connection;
    }
    return oldest;
  }

  #peerOf(fd: number): Peer | null {
    try {
      const { uid, pid } = this.#options.peerOf(fd);
      return { uid, pid };
    } catch {
      // Already gone.
      return null;
    }
  }
}
