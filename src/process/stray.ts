/**
 * Tells whether an orphan was started by a certain instance. No single sign is sure: a
 * program may leave its session, clear its environment, redirect its output, set its own
 * limits or, before it was moved, daemonise outside its cgroup. So any one will do, but for
 * a mark of another instance, which settles it: nothing of the next instance is a stray of
 * the last. Must not know: what happens to a stray.
 */
import { readSmallFile } from "../os/file.ts";
import { lineageMark, markWithinRun } from "./lineage.ts";
import { environmentOf, openFileOf, processStat } from "./tree.ts";

/** By what an instance's offspring can be known. */
export interface StrayMarks {
  readonly processName: string;
  readonly pid: number;
  readonly instance: number;
  readonly runId: string;
  /** Sessions that it or its descendants had. */
  readonly sessions: ReadonlySet<number>;
  /** Its own cgroup; null while it has none. */
  readonly cgroupDir: string | null;
  /** Inodes of the pipes that capture its output, and that of the instances after it. */
  readonly capturePipeInodes?: readonly number[];
  /** Clock ticks after boot: of what began later, those pipes say nothing. */
  readonly endedTicks: number;
}

/** Whether the process bears any mark of the instance. */
export function belongsTo(pid: number, marks: StrayMarks): boolean {
  const stat = processStat(pid);
  if (stat === null) return false;
  if (stat.session === marks.pid || stat.pgrp === marks.pid) return true;
  if (marks.sessions.has(stat.session)) return true;
  const mark = markWithinRun(pid, marks.runId);
  if (mark !== null) {
    return mark === lineageMark(marks.runId, `${marks.processName}#${marks.instance}`);
  }
  return isInCgroup(pid, marks.cgroupDir) || hasEnvironment(pid, marks) ||
    (stat.startTicks < marks.endedTicks && writesInto(pid, marks.capturePipeInodes ?? []));
}

function isInCgroup(pid: number, cgroupDir: string | null): boolean {
  if (cgroupDir === null) return false;
  const path = /^0::(.*)$/m.exec(readSmallFile(`/proc/${pid}/cgroup`) ?? "")?.[1];
  // The last two parts name the run and the instance; the rest depends on the mount.
  const tail = cgroupDir.split("/").slice(-2).join("/");
  return path !== undefined && `${path}/`.includes(`/${tail}/`);
}

function hasEnvironment(pid: number, marks: StrayMarks): boolean {
  const environment = environmentOf(pid);
  return environment !== null && environment.includes(`COX_RUN=${marks.runId}`) &&
    environment.includes(`COX_INSTANCE=${marks.processName}#${marks.instance}`);
}

function writesInto(pid: number, inodes: readonly number[]): boolean {
  const names = inodes.map((inode) => `pipe:[${inode}]`);
  return [1, 2].some((fd) => {
    const file = openFileOf(pid, fd);
    return file !== null && names.includes(file);
  });
}
