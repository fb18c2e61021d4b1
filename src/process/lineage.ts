/**
 * A mark that a process inherits and cannot lose by accident: the soft limit on file
 * locks. Linux has not enforced RLIMIT_LOCKS since 2.4.25 (getrlimit(2)), but it still
 * passes it on over fork and exec, whatever becomes of the environment, the session, the
 * arguments or the descriptors, and shows it to everyone in `/proc/P/limits`.
 *
 * So the supervisor sets its own soft limit to a number made of the run and the instance,
 * spawns, and sets it back. Must not know: what is done with who bears a mark.
 */
import { checked } from "../os/errno.ts";
import { readSmallFile } from "../os/file.ts";
import { libc, RLIM_INFINITY, RLIMIT_LOCKS } from "../os/libc.ts";

const FNV_OFFSET = 0xcbf29ce484222325n;
const FNV_PRIME = 0x100000001b3n;
const encoder = new TextEncoder();
/** The limit as it was, and as it is to be: both are read at once. */
const own = new BigUint64Array(2);
const wanted = new BigUint64Array(2);

/** Together well below RLIM_INFINITY, and no number that anybody would set by hand. */
const RUN_BITS = 28;
const INSTANCE_BITS = 34;

/**
 * The mark of an instance: bits of the run's hash above bits of the instance's. Pure.
 *
 * Two of 10,000 instances of one run share a mark with a probability of 0.3%.
 */
export function lineageMark(runId: string, instanceName: string): bigint {
  const instance = BigInt.asUintN(INSTANCE_BITS, hashOf(`${runId} ${instanceName}`));
  return (runPart(runId) << BigInt(INSTANCE_BITS)) | instance;
}

/**
 * {@link lineageMark} of every instance of one process, `PROCESS#NUMBER`, without hashing
 * again what they have in common. Pure.
 */
export function lineageMarks(runId: string, processName: string): (instance: number) => bigint {
  const run = runPart(runId) << BigInt(INSTANCE_BITS);
  const prefix = hashOf(`${runId} ${processName}#`);
  return (instance) => run | BigInt.asUintN(INSTANCE_BITS, hashOf(`${instance}`, prefix));
}

function runPart(runId: string): bigint {
  return BigInt.asUintN(RUN_BITS, hashOf(runId));
}

/** FNV-1a. @param seed the hash of what stands before the text. */
function hashOf(text: string, seed = FNV_OFFSET): bigint {
  let hash = seed;
  for (const byte of encoder.encode(text)) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * FNV_PRIME);
  }
  return hash;
}

/**
 * The mark that goes with an environment: every instance is told COX_RUN and COX_INSTANCE.
 *
 * @returns null when one of them is missing. Pure.
 */
export function lineageMarkOf(
  env: readonly (readonly [name: string, value: string])[],
): bigint | null {
  const value = (name: string) => env.findLast(([candidate]) => candidate === name)?.[1];
  const runId = value("COX_RUN");
  const instanceName = value("COX_INSTANCE");
  return runId === undefined || instanceName === undefined
    ? null
    : lineageMark(runId, instanceName);
}

/**
 * Runs `spawn` in such a way that what it starts bears the mark.
 *
 * Where an administrator has set a hard limit on file locks no mark fits, and none is set:
 * the other ways of recognising offspring remain.
 */
export function withLineageMark<T>(mark: bigint | null, spawn: () => T): T {
  if (mark === null) return spawn();
  checked(libc().getrlimit(RLIMIT_LOCKS, own), "getrlimit(RLIMIT_LOCKS)");
  const [soft, hard] = [own[0]!, own[1]!];
  if (hard !== RLIM_INFINITY) return spawn();
  setLimit(mark, hard);
  try {
    return spawn();
  } finally {
    setLimit(soft, hard);
  }
}

/** Whether a process, or what it descends from, was spawned with this mark. */
export function bearsMark(pid: number, mark: bigint): boolean {
  return markOf(pid) === mark;
}

/** The mark that a process inherited from an instance of this run; null when it has none. */
export function markWithinRun(pid: number, runId: string): bigint | null {
  const mark = markOf(pid);
  return mark !== null && mark >> BigInt(INSTANCE_BITS) === runPart(runId) ? mark : null;
}

function markOf(pid: number): bigint | null {
  const soft = /^Max file locks\s+(\d+)/m.exec(readSmallFile(`/proc/${pid}/limits`) ?? "")?.[1];
  return soft === undefined ? null : BigInt(soft);
}

function setLimit(soft: bigint, hard: bigint): void {
  wanted[0] = soft;
  wanted[1] = hard;
  checked(libc().setrlimit(RLIMIT_LOCKS, wanted), "setrlimit(RLIMIT_LOCKS)");
}
