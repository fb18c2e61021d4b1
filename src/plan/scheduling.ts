/**
 * Scheduling: from the configuration's units to the plan's. Must not know: what this machine
 * allows, the tools that set it.
 */
import type { SchedulingConfig, SupervisorConfig, WatchdogConfig } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import type { SchedulingPlan, SchedulingPolicy, SupervisorPlan, WatchdogPlan } from "./contract.ts";

/** Strokes in the time after which the device resets the machine: three may be lost. */
const STROKES = 4;

/**
 * Compiles scheduling.
 *
 * @param config As declared; absent: nothing is changed.
 * @param lockMemory The supervisor's alone.
 * @returns null for nothing.
 * @throws {TypeError} If the configuration has not passed its checks.
 */
export function schedulingPlan(
  config: SchedulingConfig | undefined,
  lockMemory: boolean = DEFAULTS.scheduling.lockMemory,
): SchedulingPlan | null {
  if (config === undefined) return null;
  const { io, cpus, oomScore, timerSlack } = config;
  return {
    policy: policyOf(config),
    cpus: cpus === undefined ? null : cpus.toSorted((a, b) => a - b),
    ioClass: io === undefined
      ? null
      : io.class === "idle"
      ? { kind: "idle" }
      : { kind: io.class, level: io.level ?? DEFAULTS.scheduling.ioLevel },
    lockMemory,
    oomScore: oomScore ?? null,
    timerSlackNs: timerSlack === undefined ? null : parseDurationNs(timerSlack),
  };
}

/** What is set up for the supervisor itself. */
export function supervisorPlan(config: SupervisorConfig | undefined): SupervisorPlan {
  const { scheduling, watchdog } = config ?? {};
  return {
    scheduling: schedulingPlan(scheduling, scheduling?.lockMemory),
    watchdog: watchdog === undefined ? null : watchdogPlan(watchdog),
  };
}

function watchdogPlan({ device, timeout }: WatchdogConfig): WatchdogPlan {
  const timeoutNs = parseDurationNs(timeout ?? DEFAULTS.watchdog.timeout);
  return {
    device: device ?? DEFAULTS.watchdog.device,
    timeoutNs,
    strokeNs: timeoutNs / STROKES,
  };
}

function policyOf(config: SchedulingConfig): SchedulingPolicy | null {
  const { policy } = config;
  if (policy === undefined) return null;
  switch (policy) {
    case "batch":
    case "idle":
      return { kind: policy };
    case "fifo":
    case "rr": {
      if (config.priority === undefined) throw new TypeError(`policy ${policy} has no priority`);
      return { kind: policy, priority: config.priority };
    }
    case "deadline": {
      const { runtime, period, deadline = period } = config;
      if (runtime === undefined || period === undefined || deadline === undefined) {
        throw new TypeError("policy deadline has no runtime or no period");
      }
      return {
        kind: "deadline",
        runtimeNs: parseDurationNs(runtime),
        deadlineNs: parseDurationNs(deadline),
        periodNs: parseDurationNs(period),
      };
    }
  }
}
