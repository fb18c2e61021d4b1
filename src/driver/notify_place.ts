/**
 * Where the sd_notify sockets lie. Owns the folders. Must not know: what is said on them.
 *
 * The run directory is 0700, so a process with a user of its own could not reach a socket
 * in it: such sockets lie in `<runDir>.notify` (0711: to be passed, not listed), under names
 * that cannot be guessed, each owned by its user and of mode 0600.
 */
import type { Plan, ProcessPlan } from "../plan/plan.ts";

/** Makes the folders that the plan needs, without what an earlier run has left in them. */
export function prepareNotifyPlaces(plan: Plan): void {
  const speaking = plan.processes.filter((process) => usesSocket(process));
  makeFolder(`${plan.runDir}/notify`, 0o700, speaking.some((process) => !isForeign(process)));
  makeFolder(`${plan.runDir}.notify`, 0o711, speaking.some(isForeign));
}

/** Removes them; the sockets in them belong to instances that have ended. */
export function removeNotifyPlaces(plan: Plan): void {
  makeFolder(`${plan.runDir}/notify`, 0, false);
  makeFolder(`${plan.runDir}.notify`, 0, false);
}

/**
 * Whether an instance is told NOTIFY_SOCKET; Deno children have a pipe instead. One that is to say
 * something is, and a mailbox's consumer, which may find its memory corrupt.
 */
export function usesSocket({ kind, ready, pulse, descriptors }: ProcessPlan): boolean {
  if (kind === "deno") return false;
  const consumes = descriptors.some((descriptor) =>
    descriptor.kind === "mailbox" && descriptor.part === "page" && descriptor.access === "write"
  );
  const lines = pulse?.lines ?? [];
  return consumes || ready.by === "notify" ||
    lines.some((line) => line.kind === "heartbeat" && line.by === "notify");
}

/** A new socket path for an instance. */
export function notifyPathFor(plan: Plan, process: ProcessPlan): string {
  const folder = isForeign(process) ? `${plan.runDir}.notify` : `${plan.runDir}/notify`;
  return `${folder}/${crypto.randomUUID().slice(0, 13)}`;
}

function isForeign(process: ProcessPlan): boolean {
  return process.uid !== null && process.uid !== Deno.uid();
}

function makeFolder(path: string, mode: number, wanted: boolean): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (!wanted) return;
  Deno.mkdirSync(path);
  // mkdir's mode is cut by our umask.
  Deno.chmodSync(path, mode);
}
