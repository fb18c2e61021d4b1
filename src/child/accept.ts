/**
 * What a server does with an inherited listener: accept its connections, have a server of
 * node:http serve them, or take the descriptor. Must not know: how connections are accepted.
 *
 * The supervisor holds the listener as well: closing it here takes nothing from the clients
 * that wait to be accepted; the next instance serves them. What was accepted ends with the
 * program, so a server that is to lose nothing closes the listener at SIGTERM and serves what
 * it has accepted to the end.
 */
import type { Socket } from "node:net";
import { takeLink } from "./find_link.ts";
import { InheritedListener } from "./inherited_listener.ts";
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

/** A server that takes connections over, as those of node:http do. */
export interface ConnectionServer {
  /** Gives it a connection that was accepted elsewhere. */
  emit(event: "connection", connection: Socket): boolean;
  /** Closes what is open and between two requests. */
  closeIdleConnections?(): void;
}

/**
 * An inherited listener; made by {@linkcode listener}. It has one use: `accept` or `serve`.
 *
 * Where the channel has declared clients, a connection comes out of it when the supervisor has
 * said that it is one of theirs; others are closed, and nothing of them is read. Where it has
 * `limits`, they are kept here.
 */
export interface Listener extends Disposable, AsyncIterable<Connection> {
  /** What the supervisor said of it. */
  readonly info: LinkInfo;
  /**
   * Accepts until {@linkcode Listener.close}, or until `signal` ends the iteration, which
   * closes the listener too: connections that were accepted come first, all others wait for
   * the next instance.
   *
   * @throws {TypeError} when it was iterated or closed before.
   */
  accept(options?: { readonly signal?: AbortSignal }): AsyncGenerator<Connection, void, undefined>;
  /**
   * Has a server serve what is accepted, until {@linkcode Listener.close} or `signal`. Then what
   * it has between two requests is closed, and the rest served to its end.
   *
   * @param server One of node:http or node:https that does not listen by itself.
   * @returns when all connections have ended.
   * @throws {TypeError} (rejects) when it was iterated or closed before.
   */
  serve(server: ConnectionServer, options?: { readonly signal?: AbortSignal }): Promise<void>;
  /** Accepts no more; connections go on. Idempotent. */
  close(): void;
}

/**
 * Takes an inherited listener, by the name of its port or of its channel. Needs no permission.
 *
 * For HTTP: `await listener("http").serve(createServer(handler), { signal: stopSignal() })`.
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
 * Takes the descriptor of an inherited listener, for a server that accepts by itself. Then
 * nobody looks at its connections, so that the channel has to allow that.
 *
 * @param name Its port, or its channel.
 * @returns The number to give to `listen({ fd })` of node:http, node:https or node:net.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when the link is no listener, or was taken before; when its clients are
 *   checked or it has limits, which {@linkcode listener} alone can keep.
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
  const refuse = (link: LinkInfo) => refuseOthers(link) ?? refuseKept(link);
  return takeLink(name, { call: "takeListenerFd", refuse }).fd;
}

function refuseOthers({ direction, kind }: LinkInfo): string | null {
  if (direction === "connect") return "it is a client's; use dial()";
  return direction === "accept" ? null : `it is no listener (${kind})`;
}

function refuseKept({ checked, limits }: LinkInfo): string | null {
  const instead = `use listener(name).serve(server) or .accept()`;
  if (checked === true) {
    return `its clients are checked one by one, which a bare descriptor does not do; ${instead}, ` +
      'or set access: "directory" for the channel';
  }
  const limited = limits.connections !== undefined || limits.perSecond !== undefined;
  return limited
    ? `its channel has limits, which a bare descriptor does not keep; ${instead}`
    : null;
}
