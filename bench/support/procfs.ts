/** What the kernel knows of a process: memory, context switches, CPU time, descriptors. */

/**
 * Proportional set size of a process, bytes: shared pages are divided among their users.
 *
 * @throws {Deno.errors.NotFound} when there is no such process.
 */
export function pssBytes(pid: number): number {
  const text = Deno.readTextFileSync(`/proc/${pid}/smaps_rollup`);
  const match = /^Pss:\s+(\d+) kB$/m.exec(text);
  if (match === null) throw new Error(`No Pss in smaps_rollup of ${pid}`);
  return Number(match[1]) * 1024;
}

/** Context switches of all threads so far: every wake-up is at least one. */
export function contextSwitches(pid: number): number {
  let total = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    for (const match of text.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm)) {
      total += Number(match[1]);
    }
  }
  return total;
}

/** CPU time of all threads so far, nanoseconds. */
export function cpuNs(pid: number): number {
  let total = 0;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
    total += Number(text.split(" ")[0]);
  }
  return total;
}

/** Number of open descriptors. */
export function descriptorCount(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

/** Pids of the direct children, zombies included. */
export function childPids(pid: number): number[] {
  const pids: number[] = [];
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`);
    pids.push(...text.split(" ").filter((word) => word !== "").map(Number));
  }
  return pids;
}

/** State letter of a process: `S`, `R`, `Z` …; null when it is gone. */
export function processState(pid: number): string | null {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/stat`);
    // The name in parentheses may hold anything, parentheses included.
    return text.slice(text.lastIndexOf(")") + 2, text.lastIndexOf(")") + 3);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
