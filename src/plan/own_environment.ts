/**
 * What a process finds in its environment that cox has put there: its links, its listeners, how
 * often it has to show that it lives. Owns the variables' names, and the program that sets those
 * which the plan cannot know. Must not know: how sockets are bound, who hears a sign of life.
 */
import type { ProcessConfig } from "../config/config.ts";
import { parseDurationNs } from "../config/units.ts";
import type { PulsePlan } from "./contract.ts";
import type { Wiring } from "./descriptors.ts";
import { LISTEN_VARIABLES, listenEnvironment } from "./listen_environment.ts";
import type { ProcessPlan } from "./plan.ts";
import { LINKS_VARIABLE, linksText } from "./preload.ts";

const SHELL = "/bin/sh";
/** sd_watchdog_enabled(3); WATCHDOG_PID is the shim's to set. */
const WATCHDOG_VARIABLES = ["WATCHDOG_USEC", "WATCHDOG_PID"];

/** One process (one replica of it). */
export interface OwnRequest {
  readonly name: string;
  readonly kind: ProcessPlan["kind"];
  readonly config: ProcessConfig;
  readonly wiring: Wiring;
  readonly pulse: PulsePlan | null;
}

/** Variables, and what is executed first so that all of them are right. */
export interface OwnEnvironment {
  readonly entries: ProcessPlan["env"];
  /** Begins the exec chain; often empty. */
  readonly shim: readonly string[];
}

/**
 * Adds our variables to those of a process; variables of these names are nobody's but ours.
 *
 * @param env Its own, sorted.
 * @param request The process.
 * @param coxDir Where cox is installed.
 */
export function ownEnvironment(
  env: ProcessPlan["env"],
  { name, kind, config, wiring, pulse }: OwnRequest,
  coxDir: string,
): OwnEnvironment {
  const listens = listenEnvironment(kind, wiring);
  const watchdog = watchdogEnvironment(config);
  // A sandboxed program has the memory before it begins, and no descriptor any more.
  const stamps = kind === "deno" || pulse === null || pulse.fd === null ? null : pulse;
  const entries = [
    ...env.filter(([variable]) => !OURS.includes(variable)),
    ...listens,
    ...watchdog,
    ...wiring.links.length === 0 && stamps === null
      ? []
      : [[LINKS_VARIABLE, linksText(name, wiring.links, stamps)] as const],
  ];
  // A sandboxed program finds its listeners among its links, and has no pid to compare.
  const needsPid = kind !== "deno" && listens.length + watchdog.length > 0;
  return {
    entries: entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)),
    shim: needsPid ? [SHELL, `${coxDir}/src/process/pid_shim.sh`] : [],
  };
}

const OURS: readonly string[] = [LINKS_VARIABLE, ...LISTEN_VARIABLES, ...WATCHDOG_VARIABLES];

/** Nothing for a process that is not heard by sd_notify's `WATCHDOG=1`. */
function watchdogEnvironment(
  { deadlines }: ProcessConfig,
): (readonly [name: string, value: string])[] {
  const heartbeat = deadlines?.heartbeat;
  if (heartbeat?.by !== "notify") return [];
  return [["WATCHDOG_USEC", `${Math.floor(parseDurationNs(heartbeat.within) / 1000)}`]];
}
