/**
 * `@relay`, the system process that moves the messages of relayed pipes: its descriptor table
 * and its permission. Must not know: what it does with a message.
 *
 *   0 nothing   1, 2 captured   3 relay-link   4 relay-counters
 *
 * The pipes themselves are handed over while it runs. It calls the C library, and the runtime
 * gives pointers to an unscoped grant alone (a scoped one is for the paths of libraries, and is
 * as good as full trust); it gives the grant up before it takes a byte.
 */
import type { Facts } from "./facts.ts";
import type { ProcessPlan } from "./plan.ts";
import { systemProcess } from "./system_process.ts";

/** While it is down nothing flows: whatever befalls it, it is back within a second. */
const BACKOFF = { initial: "10ms", max: "500ms" } as const;

/** Its name. */
export const RELAY_PROCESS = "@relay";

/**
 * Builds `@relay`.
 *
 * @param facts Where cox and the runtime are.
 */
export function relayProcess(facts: Facts): ProcessPlan {
  return systemProcess({
    name: RELAY_PROCESS,
    module: "src/system/relay/main.ts",
    permissionFlags: ["--allow-ffi"],
    descriptors: [
      { fd: 0, kind: "null" },
      { fd: 1, kind: "log", stream: "stdout" },
      { fd: 2, kind: "log", stream: "stderr" },
      { fd: 3, kind: "relay-link" },
      { fd: 4, kind: "relay-counters" },
    ],
    backoff: BACKOFF,
  }, facts);
}
