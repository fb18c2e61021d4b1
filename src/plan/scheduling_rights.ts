/**
 * Whether the kernel will let a process be scheduled as it is declared. Owns which right each key
 * takes. Must not know: the tools that do it.
 */
import type { SchedulingPlan } from "./contract.ts";
import type { RightsFact } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";

/** By number (capabilities(7)). */
const CAP_SYS_ADMIN = 21;
const CAP_SYS_NICE = 23;
const CAP_SYS_RESOURCE = 24;

/** What is to be scheduled. */
export interface RightsRequest {
  readonly scheduling: SchedulingPlan;
  readonly rights: RightsFact;
  readonly path: IssuePath;
}

/**
 * Checks what is asked for against what we may.
 *
 * @param request Whom it is about.
 * @param issues Receives an error for each thing that would be refused.
 */
export function checkRights(request: RightsRequest, issues: Issues): void {
  const { scheduling, rights, path } = request;
  const { policy, cpus, ioClass, oomScore } = scheduling;
  const has = (capability: number) => rights.capabilities.includes(capability);
  if (policy?.kind === "deadline" && !has(CAP_SYS_NICE)) {
    issues.error(
      [...path, "policy"],
      'policy "deadline" needs CAP_SYS_NICE, which cox has not',
      'start cox as root or with that capability, or use policy "batch" or none',
    );
  }
  if (policy?.kind === "fifo" || policy?.kind === "rr") {
    const most = rights.rtPriorityMax;
    if (!has(CAP_SYS_NICE) && policy.priority > most) {
      issues.error(
        [...path, most === 0 ? "policy" : "priority"],
        most === 0
          ? `policy "${policy.kind}" needs CAP_SYS_NICE, which cox has not, or a limit of ` +
            "real-time priorities above 0 (RLIMIT_RTPRIO)"
          : `without CAP_SYS_NICE priorities are limited to ${most} (RLIMIT_RTPRIO)`,
        "start cox as root, with that capability, or under a higher limit (ulimit -r)",
      );
    }
  }
  if (ioClass?.kind === "realtime" && !has(CAP_SYS_NICE) && !has(CAP_SYS_ADMIN)) {
    issues.error(
      [...path, "io", "class"],
      'the class "realtime" needs CAP_SYS_NICE, which cox has not',
      'use "best-effort" with level 0, or start cox as root',
    );
  }
  if (oomScore !== null && oomScore < rights.oomScore && !has(CAP_SYS_RESOURCE)) {
    issues.error(
      [...path, "oomScore"],
      `${oomScore} is below cox's own ${rights.oomScore}, which needs CAP_SYS_RESOURCE`,
      `at least ${rights.oomScore}, or start cox with that capability`,
    );
  }
  for (const [at, cpu] of (cpus ?? []).entries()) {
    if (rights.cpus.includes(cpu)) continue;
    issues.error(
      [...path, "cpus", at],
      `there is no CPU ${cpu} online`,
      `CPUs here: ${rights.cpus.join(", ")}`,
    );
  }
}
