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

/** CPU time and context switches of each live thread so far, by thread id. */
export type ThreadUse = ReadonlyMap<string, { readonly cpuNs: number; readonly switches: number }>;

/** Reads what each thread of a process has used. */
export function threadUse(pid: number): ThreadUse {
  const use = new Map<string, { cpuNs: number; switches: number }>();
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
      const counts = status.matchAll(/^(?:non)?voluntary_ctxt_switches:\s+(\d+)$/gm);
      const switches = [...counts].reduce((sum, match) => sum + Number(match[1]), 0);
      const schedstat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/schedstat`);
      use.set(name, { cpuNs: Number(schedstat.split(" ")[0]), switches });
    } catch (error) {
      // The thread ended between the listing and the reading (ESRCH has no class of its own).
      if (error instanceof Deno.errors.NotFound || /os error 3/.test(String(error))) continue;
      throw error;
    }
  }
  return use;
}

/**
 * What was used between two readings. A thread that began in between counts from zero; what one
 * that ended in between used after the first reading is not seen: let idle threads end before.
 */
export function usedBetween(before: ThreadUse, after: ThreadUse) {
  let cpuNs = 0;
  let switches = 0;
  for (const [thread, use] of after) {
    cpuNs += use.cpuNs - (before.get(thread)?.cpuNs ?? 0);
    switches += use.switches - (before.get(thread)?.switches ?? 0);
  }
  return { cpuNs, switches };
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

/** The scheduling policy of each thread of a process, as sched.h numbers it. */
export function threadPolicies(
  pid: number,
): { readonly thread: number; readonly policy: number }[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    // Field 41; those before it begin after the name in parentheses, with field 3.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { thread: Number(name), policy: Number(fields[41 - 3]) };
  });
}

/** The id of a thread of a process by its name; null: it has none of that name. */
export function threadByName(pid: number, name: string): string | null {
  for (const { name: thread } of Deno.readDirSync(`/proc/${pid}/task`)) {
    if (Deno.readTextFileSync(`/proc/${pid}/task/${thread}/comm`).trim() === name) return thread;
  }
  return null;
}
