/** Pids of a running test crew's own processes, as they are outside of any namespace of it. */
import { descendantsOf, processStat } from "../../src/process/tree.ts";
import type { TestCrew } from "./crew.ts";

/** See the file's header. */
export interface CrewPids {
  readonly supervisor: number;
  /** The supervisor's parent: the guard, or the guard inside a namespace. */
  readonly innerGuard: number;
  /** Above the inner guard: `unshare`, or whatever started `cox up`. */
  readonly aboveInnerGuard: number;
}

/** Finds them below the process that the test has started. @throws {Error} when there is none. */
export function pidsOf(crew: TestCrew): CrewPids {
  const supervisor = descendantsOf(crew.pid).find((pid) => {
    const [program = "", ...args] = argvOf(pid);
    return program.endsWith("/deno") && args.some((arg) => arg.endsWith("/src/driver/main.ts"));
  });
  if (supervisor === undefined) throw new Error(`no supervisor below ${crew.pid}`);
  const innerGuard = parentOf(supervisor);
  return { supervisor, innerGuard, aboveInnerGuard: parentOf(innerGuard) };
}

function parentOf(pid: number): number {
  const stat = processStat(pid);
  if (stat === null) throw new Error(`${pid} has gone`);
  return stat.ppid;
}

function argvOf(pid: number): string[] {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
  } catch {
    return [];
  }
}
