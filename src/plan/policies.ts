/**
 * Readiness, restart and stop of a process with defaults applied and units converted.
 * Must not know: descriptors, wiring.
 */
import type { Duration, ProcessConfig, ReadyConfig } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import type { ReadyPlan, RestartPlan, StopPlan } from "./plan.ts";
import { signalNumber } from "./signals.ts";

/** Readiness; it always has a limit, because the schema refuses a `within` of nothing. */
export function readyPlan(config: ReadyConfig | undefined): ReadyPlan {
  const by = config?.by ?? DEFAULTS.ready.by;
  const withinNs = parseDurationNs(config?.within ?? DEFAULTS.ready.within);
  switch (by) {
    case "started":
      return { by };
    case "notify":
      return { by, withinNs };
    case "fd":
      if (config?.fd === undefined) throw new TypeError('ready.by "fd" must come with `fd`');
      return { by, fd: config.fd, withinNs };
    case "line":
      if (config?.pattern === undefined) {
        throw new TypeError('ready.by "line" must come with `pattern`');
      }
      return {
        by,
        stream: config.stream ?? DEFAULTS.ready.stream,
        pattern: config.pattern,
        withinNs,
      };
  }
}

/** Restart policy and backoff. */
export function restartPlan(config: ProcessConfig["restart"]): RestartPlan {
  const defaults = DEFAULTS.restart;
  const backoff = config?.backoff;
  const ns = (given: Duration | undefined, otherwise: Duration) =>
    parseDurationNs(given ?? otherwise);
  return {
    policy: config?.policy ?? defaults.policy,
    successCodes: [...config?.successCodes ?? defaults.successCodes],
    backoff: {
      initialNs: ns(backoff?.initial, defaults.backoff.initial),
      factor: backoff?.factor ?? defaults.backoff.factor,
      maxNs: ns(backoff?.max, defaults.backoff.max),
      jitter: backoff?.jitter ?? defaults.backoff.jitter,
      resetAfterNs: ns(backoff?.resetAfter, defaults.backoff.resetAfter),
    },
  };
}

/** How the process is stopped. */
export function stopPlan(config: ProcessConfig["stop"]): StopPlan {
  const signalName = config?.signal ?? DEFAULTS.stop.signal;
  const signal = signalNumber(signalName);
  if (signal === null) throw new TypeError(`there is no signal ${signalName}`);
  return {
    signal,
    signalName,
    timeoutNs: parseDurationNs(config?.timeout ?? DEFAULTS.stop.timeout),
    scope: config?.scope ?? DEFAULTS.stop.scope,
  };
}

/** The umask: octal text to a number. */
export function umaskPlan(text: string | undefined): number {
  return parseInt(text ?? DEFAULTS.umask, 8);
}
