/**
 * Reads the process tree from `/proc`: children, descendants, state, memory, CPU time.
 * Everything may be out of date when it is returned; a process that has gone reads as null
 * or as nothing. Must not know: which processes are ours.
 */
import { SystemError } from "../os/errno.ts";
import { linkTarget, listDirectory, readSmallFile } from "../os/file.ts";

/** Fields of `/proc/P/stat` (proc_pid_stat(5)). */
export interface ProcessStat {
  readonly pid: number;
  /** The file name, at most 15 bytes; may hold anything, spaces and parentheses included. */
  readonly command: string;
  /** `R S D T t Z X I` */
  readonly state: string;
  readonly ppid: number;
  readonly pgrp: number;
  readonly session: number;
  /** Page faults: without and with a read from disk. */
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** User and system time, in clock ticks. */
  readonly cpuTicks: number;
  /** Clock ticks after boot: with the pid, it names a process for ever. */
  readonly startTicks: number;
}

/** USER_HZ: 100 on every architecture that Deno runs on (include/asm-generic/param.h). */
const TICKS_PER_S = 100;
/** Depth or width beyond any real crew: a bound against reading for ever. */
const DESCENDANTS_MAX = 100_000;

/**
 * The direct children of a process, of all its threads; zombies included.
 *
 * @returns `[]` when the process has gone.
 */
export function childrenOf(pid: number): number[] {
  const threads = listDirectory(`/proc/${pid}/task`);
  if (threads === null) return [];
  return threads.flatMap(({ name }) =>
    (readSmallFile(`/proc/${pid}/task/${name}/children`) ?? "")
      .split(" ").filter((text) => text !== "").map(Number)
  );
}

/** Children, their children and so on; parents before their children. */
export function descendantsOf(pid: number): number[] {
  const found = childrenOf(pid);
  const seen = new Set(found);
  for (let index = 0; index < found.length && found.length < DESCENDANTS_MAX; index++) {
    for (const child of childrenOf(found[index]!)) {
      if (seen.has(child)) continue;
      seen.add(child);
      found.push(child);
    }
  }
  return found;
}

/**
 * Whether `pid` is `ancestor` or was started by it, by a child of it, and so on. A process
 * that was orphaned has lost its line and is no descendant any more.
 */
export function isDescendant(pid: number, ancestor: number): boolean {
  let current = pid;
  for (let steps = 0; current > 0 && steps < DESCENDANTS_MAX; steps++) {
    if (current === ancestor) return true;
    const stat = processStat(current);
    if (stat === null) return false;
    current = stat.ppid;
  }
  return false;
}

/**
 * Reads `/proc/P/stat`.
 *
 * @returns null when there is no such process.
 */
export function processStat(pid: number): ProcessStat | null {
  const text = readSmallFile(`/proc/${pid}/stat`);
  return text === null ? null : parseStat(text);
}

/**
 * Parses the text of a stat file. The command may contain `) R 1 1`, or a newline: the
 * last closing parenthesis is the one that ends it.
 *
 * @returns null when the text is none, as of a process that ended while it was read.
 */
export function parseStat(text: string): ProcessStat | null {
  const open = text.indexOf(" (");
  const close = text.lastIndexOf(") ");
  if (open < 0 || close < open) return null;
  // Field 3, the state, is the first of these.
  const fields = text.slice(close + 2).trim().split(" ");
  const field = (number: number) => Number(fields[number - 3] ?? NaN);
  const stat = {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 2, close),
    state: fields[0] ?? "",
    ppid: field(4),
    pgrp: field(5),
    session: field(6),
    minorFaults: field(10),
    majorFaults: field(12),
    cpuTicks: field(14) + field(15),
    startTicks: field(22),
  };
  return Number.isNaN(stat.startTicks) ? null : stat;
}

/**
 * What {@link ProcessStat.startTicks} would be for a process that began some time ago.
 *
 * @param agoMs at least 0.
 */
export function ticksSinceBoot(agoMs: number): number {
  const seconds = Number(readSmallFile("/proc/uptime")?.split(" ")[0] ?? NaN);
  // The file has hundredths; 1.15 * 100 is 114.99999999999999, so it is rounded and not cut.
  return Math.round(seconds * TICKS_PER_S) - Math.ceil((agoMs / 1000) * TICKS_PER_S);
}

/** Alive in the sense that matters: it exists and is no zombie. */
export function isAlive(pid: number): boolean {
  const state = processStat(pid)?.state;
  return state !== undefined && state !== "Z" && state !== "X";
}

/** Resident memory of one process, bytes; 0 when it has gone. */
export function rssBytes(pid: number): number {
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readSmallFile(`/proc/${pid}/status`) ?? "")?.[1];
  return Number(kib ?? 0) * 1024;
}

/** User and system time of one living process so far, milliseconds; 0 when it has gone. */
export function cpuMsOf(pid: number): number {
  return (processStat(pid)?.cpuTicks ?? 0) * 1000 / TICKS_PER_S;
}

/**
 * The environment that a process was started with; it may have overwritten it since.
 *
 * @returns null when it cannot be read: gone, or another user's.
 */
export function environmentOf(pid: number): readonly string[] | null {
  try {
    return readSmallFile(`/proc/${pid}/environ`)?.split("\0") ?? null;
  } catch (error) {
    // EACCES: a process of another user, or one that changed its own.
    if (error instanceof SystemError) return null;
    throw error;
  }
}

/** What is open on a descriptor of a process: `pipe:[123]`, a path; null when unknown. */
export function openFileOf(pid: number, fd: number): string | null {
  return linkTarget(`/proc/${pid}/fd/${fd}`);
}
