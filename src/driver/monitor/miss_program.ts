/**
 * Runs the program that a missed contract asks for, and tells it of the miss in its environment.
 * Owns that there is one at a time for each contract, and that it ends. Must not know: why it runs.
 */
import type { DeadlineEvent } from "../../audit/deadline_event.ts";
import type { EventBody } from "../../audit/event_record.ts";
import { formatExitReason } from "../../audit/format_exit_reason.ts";
import { closeFd } from "../../os/pipe.ts";
import type { Reactor } from "../../os/reactor.ts";
import { sendSignal } from "../../os/signals.ts";
import type { Plan } from "../../plan/plan.ts";
import { reap } from "../../process/reap.ts";
import { spawnProcess } from "../../process/spawn.ts";
import type { RunAction } from "./deadline_desk.ts";

/** The variables of ours that a program finds; the rest is as for the supervisor's children. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What it takes to run one. */
export interface MissProgramParts {
  readonly plan: Plan;
  readonly runId: string;
  readonly reactor: Reactor;
  readonly nullFd: number;
  readonly record: (body: EventBody) => void;
}

/** All of a crew's. */
export class MissPrograms {
  readonly #parts: MissProgramParts;
  readonly #running = new Map<string, number>();

  constructor(parts: MissProgramParts) {
    this.#parts = parts;
  }

  /** Starts it; one that still runs for the same contract is not started twice. */
  run(action: RunAction, event: DeadlineEvent): void {
    const { contract } = event;
    if (this.#running.has(contract)) {
      return this.#tell(action, event, "still runs for an earlier miss, and is not started again");
    }
    const { plan, nullFd, reactor } = this.#parts;
    const spawned = spawnProcess({
      executable: action.executable,
      argv: action.argv,
      cwd: plan.projectDir,
      env: this.#environment(event),
      umask: 0o22,
      descriptors: [0, 1, 2].map((fd) => ({ fd, source: nullFd })),
    });
    if (spawned.kind === "failed") {
      return this.#tell(action, event, `was not started: ${spawned.errno} on ${spawned.path}`);
    }
    const { pid, pidfd } = spawned;
    this.#running.set(contract, pid);
    let isOverdue = false;
    const overdue = setTimeout(() => {
      isOverdue = true;
      sendSignal(-pid, 9);
    }, Math.ceil(action.timeoutNs / 1e6));
    reactor.watch(pidfd, () => {
      const result = reap(pid);
      if (result.kind === "running") return;
      clearTimeout(overdue);
      reactor.unwatch(pidfd);
      closeFd(pidfd);
      this.#running.delete(contract);
      const late = isOverdue ? ", killed: it took too long" : "";
      this.#tell(action, event, `ended: ${formatExitReason(result.reason)}${late}`);
    });
  }

  /** Kills what still runs. */
  stop(): void {
    for (const pid of this.#running.values()) sendSignal(-pid, 9);
  }

  #environment(event: DeadlineEvent): [string, string][] {
    const { runId, plan } = this.#parts;
    return [
      ["COX_RUN", runId],
      ["COX_RUN_DIR", plan.runDir],
      ["COX_PROCESS", event.process],
      ["COX_INSTANCE", `${event.process}#${event.instance}`],
      ["COX_MISS_CONTRACT", event.contract],
      ["COX_MISS_REASON", event.reason],
      ["COX_MISS_LIMIT_MS", String(event.limitMs)],
      ["COX_MISS_LATE_MS", String(event.lateMs)],
      ["COX_MISS_COUNT", String(event.count)],
      ["PATH", PATH],
    ];
  }

  #tell(action: RunAction, { contract, process, instance }: DeadlineEvent, outcome: string): void {
    const program = action.argv[0] ?? action.executable;
    this.#parts.record({ event: "missProgram", contract, process, instance, program, outcome });
  }
}
