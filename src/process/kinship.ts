/**
 * To which of several living processes another belongs: by its line of descent, or by its
 * session, which nobody can join who was not born in it. Signs that a process of the same user
 * could put on (environment, limits, cgroup) do not count here: this decides who is let in.
 * Must not know: what for.
 */
import { processStat } from "./tree.ts";

/** Deeper than any real line of descent. */
const DEPTH_MAX = 1000;
/** A line changes when a process in it ends; then it is followed anew from its beginning. */
const ATTEMPTS_MAX = 16;

/**
 * The one of `roots` that `pid` is, was started by (through any number of others), or shares a
 * session with that the root leads.
 *
 * @param pid May be a zombie; its number must not be given out anew meanwhile (hold a pidfd).
 * @param roots Pids of processes that live, or are not reaped, as long as this runs.
 * @returns null when it belongs to none: an orphan that began a session of its own does not.
 */
export function rootOf(pid: number, roots: ReadonlySet<number>): number | null {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
    const found = followLine(pid, roots);
    if (found === "changed") continue;
    if (found !== null) return found;
    break;
  }
  const session = processStat(pid)?.session;
  return session !== undefined && roots.has(session) ? session : null;
}

function followLine(pid: number, roots: ReadonlySet<number>): number | "changed" | null {
  let current = pid;
  let parent = parentOf(current);
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (roots.has(current)) return current;
    if (parent === null || parent <= 1) return null;
    if (roots.has(parent)) return parent;
    const grandparent = parentOf(parent);
    // A parent that has ended may have left its number to somebody else by now, but not to a
    // parent of this one: an orphan gets another.
    if (parentOf(current) !== parent) return "changed";
    current = parent;
    parent = grandparent;
  }
  return null;
}

function parentOf(pid: number): number | null {
  return processStat(pid)?.ppid ?? null;
}
