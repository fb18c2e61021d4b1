/**
 * A listener, compiled: data types, part of the Plan. Must not know: how it is compiled, how it is
 * bound.
 */
import type { PortPlan } from "./plan.ts";

/** A listening socket that the supervisor holds, and its server inherits. */
export interface ListenPlan {
  readonly kind: "listen";
  readonly name: string;
  /** Declared clients: they come by the address, and no descriptor is handed to them. */
  readonly from: PortPlan;
  /** The server. */
  readonly to: PortPlan;
  readonly address: UnixListenPlan | TcpListenPlan;
  /** Connections that wait to be accepted; the kernel cuts it to net.core.somaxconn. */
  readonly backlog: number;
  /** Anyone who can reach the address may connect; else the processes of `from`. */
  readonly clients: "anyone" | "declared";
  /** The server lets in whom the supervisor knows for an instance of `from`, by credentials. */
  readonly checked: boolean;
  /** Open at once in each instance; 0: no limit. */
  readonly connectionsMax: number;
  /** Given to the program a second; 0: no limit. */
  readonly connectionsPerSecond: number;
  /** The server is started by its first connection. */
  readonly lazy: boolean;
}

/** A listener on a path. */
export interface UnixListenPlan {
  readonly kind: "unix";
  /** Absolute. */
  readonly path: string;
  /** Of the socket file, set after the bind. null: ours. */
  readonly mode: number;
  readonly uid: number | null;
  readonly gid: number | null;
  /** What becomes of the directory; null: made 0755 where it is missing, else left alone. */
  readonly directory: { readonly mode: number; readonly gid: number | null } | null;
}

/** A listener on a port. */
export interface TcpListenPlan {
  readonly kind: "tcp";
  /** IPv4 or IPv6 address in digits. */
  readonly host: string;
  readonly port: number;
}
