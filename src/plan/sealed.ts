/**
 * What a sealed program may not be given: each of these is a way to the pointers that its preload
 * keeps from it, or to the code that runs before it. Writes are `write_grants.ts`'s and refused to
 * every program. Must not know: how the seal is made (src/seal).
 */
import type { DenoRun } from "../config/config.ts";
import { changesCode } from "./environment.ts";
import type { Issues } from "./issues.ts";
import type { PulsePlan } from "./contract.ts";
import type { ChannelPlan } from "./plan.ts";

/**
 * Why a process is sealed.
 *
 * @param channels Compiled channels.
 * @param pulses What is stamped, by process.
 * @param index The process, as the channels number it.
 * @returns `it is on the mailbox "frames"`; null: it is not.
 */
export function sealedBy(
  channels: readonly ChannelPlan[],
  pulses: readonly (PulsePlan | null)[],
  index: number,
): string | null {
  const mailbox = channels.find(({ kind, from, to }) =>
    kind === "mailbox" && [...from.processes, ...to.processes].includes(index)
  );
  if (mailbox !== undefined) return `it is on the mailbox "${mailbox.name}"`;
  return (pulses[index]?.fd ?? null) === null ? null : "it stamps its deadlines in memory";
}

/** A sealed program. */
export interface SealedRequest {
  readonly name: string;
  readonly run: DenoRun;
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Why it is sealed. */
  readonly why: string;
}

/**
 * Refuses what would open the seal.
 *
 * @param request The program.
 * @param issues Receives one error for each.
 */
export function checkSealed({ name, run, env, why }: SealedRequest, issues: Issues): void {
  const path = ["processes", name, "run", "permissions"];
  const refuse = (kind: "run" | "ffi", reason: string) => {
    if ((run.permissions?.[kind] ?? []).length === 0) return;
    issues.error(
      [...path, kind],
      `a ${kind} grant is refused to a sealed program (${why}): ${reason}`,
      "move what needs it to a process of its own",
    );
  };
  refuse("run", "what it starts is in no sandbox and could write to the memory");
  refuse("ffi", "native code could write to the memory");
  for (const [variable] of env) {
    if (!changesCode(variable)) continue;
    issues.error(
      ["processes", name, "env", variable],
      `${variable} is refused to a sealed program (${why}): it changes which code runs before it`,
      "remove it",
    );
  }
}
