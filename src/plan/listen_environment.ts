/**
 * How a program that knows nothing of cox is told of its listening sockets: the protocol of
 * sd_listen_fds(3). Owns the variables. Must not know: how sockets are bound.
 */
import type { Wiring } from "./descriptors.ts";
import type { ProcessPlan } from "./plan.ts";

/** The variables of the protocol; LISTEN_PID is the shim's to set. */
export const LISTEN_VARIABLES: readonly string[] = ["LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"];

/**
 * The variables for a process.
 *
 * @param kind A Deno program finds its listeners among its links.
 * @param wiring Its wired ends.
 * @returns Nothing where there is no listener; `LISTEN_FDNAMES` has the ports' names.
 */
export function listenEnvironment(
  kind: ProcessPlan["kind"],
  wiring: Wiring,
): (readonly [name: string, value: string])[] {
  if (kind === "deno") return [];
  const listens = wiring.links.filter((link) => link.kind === "listen")
    .toSorted((a, b) => a.fd - b.fd);
  if (listens.length === 0) return [];
  return [
    ["LISTEN_FDNAMES", listens.map(({ port }) => port).join(":")],
    ["LISTEN_FDS", `${listens.length}`],
  ];
}
