/**
 * What the supervisor and `@log` say to each other: the greeting of each new `@log`, the lines
 * to look for, and what it found. Must not know: pipes, the core's decisions.
 */
import type { CoreEvent } from "../core/event.ts";
import type { Plan, ProcessPlan } from "../plan/plan.ts";
import type { LogReport } from "../system/log_protocol.ts";
import type { Crew } from "./crew.ts";
import type { Instance } from "./instance.ts";
import type { LogLink } from "./log_link.ts";

/** Who takes part. */
export interface LogDialogueParts {
  readonly plan: Plan;
  readonly link: LogLink;
  readonly crew: Crew;
  /** Of the markers in captured streams. */
  readonly token: string;
  /** Colour on the terminal. */
  readonly color: boolean;
  readonly post: (event: CoreEvent) => void;
}

/** One per supervisor. */
export class LogDialogue {
  readonly #parts: LogDialogueParts;

  constructor(parts: LogDialogueParts) {
    this.#parts = parts;
  }

  /** Tells `@log` of a new instance: of itself, or of a process whose line it is to find. */
  tell(instance: Instance): void {
    const process = this.#parts.plan.processes[instance.process];
    if (process === undefined) return;
    if (process.descriptors.some(({ kind }) => kind === "log-commands")) this.#greet(process);
    else if (!process.system) this.#watchLine(process, instance);
  }

  /** Hears what `@log` found. */
  hear({ process: name, instance }: LogReport): void {
    const process = this.#parts.plan.processes.findIndex((candidate) => candidate.name === name);
    this.#parts.post({ kind: "becameReady", process, instance });
  }

  #greet(log: ProcessPlan): void {
    const { plan, link, crew, token, color } = this.#parts;
    const captures = log.descriptors.flatMap((entry) =>
      entry.kind === "log-capture"
        ? [{
          fd: entry.fd,
          process: plan.processes[entry.process]?.name ?? `#${entry.process}`,
          stream: entry.stream,
        }]
        : []
    );
    const nameWidth = Math.max(0, ...captures.map(({ process }) => process.length));
    link.send({ kind: "hello", color, token, captures, nameWidth });
    plan.processes.forEach((process, index) => {
      const instance = crew.liveOf(index);
      if (instance !== null && !process.system) this.#watchLine(process, instance);
    });
  }

  #watchLine({ name, ready }: ProcessPlan, { number }: Instance): void {
    if (ready.by !== "line") return;
    const { stream, pattern } = ready;
    this.#parts.link.send({ kind: "watch", process: name, instance: number, stream, pattern });
  }
}
