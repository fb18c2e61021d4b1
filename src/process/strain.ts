/**
 * What a process goes through, by `/proc`: how long its main thread ran and how long it waited for
 * a CPU, what it waits in, its switches and page faults; and how pressed the machine is. Must not
 * know: why somebody asks.
 */
import { SystemError } from "../os/errno.ts";
import { readSmallFile } from "../os/file.ts";
import { processStat } from "./tree.ts";

/** One look at a process. What counts up is since its start. */
export interface Strain {
  /** `R S D T t Z X I`; "" when it has gone. */
  readonly state: string;
  /** Main thread, nanoseconds on a CPU; null where the kernel keeps none (CONFIG_SCHED_INFO). */
  readonly ranNs: number | null;
  /** Main thread, nanoseconds that it was ready to run and had no CPU. */
  readonly waitedNs: number | null;
  /** All threads, user and system time, to 10 ms. */
  readonly cpuMs: number;
  /** Of the main thread. */
  readonly voluntarySwitches: number;
  readonly forcedSwitches: number;
  /** Of the whole process: without and with a read from disk. */
  readonly minorFaults: number;
  readonly majorFaults: number;
  /** Pid of its debugger; 0: none. */
  readonly tracer: number;
  /** The system call that its main thread is in; null: none, or not to be known. */
  readonly call: string | null;
  /** Descriptor that the call is about; null: about none. */
  readonly callFd: number | null;
}

/** Share of the last ten seconds in which something waited, percent (Documentation/accounting/psi). */
export interface Pressure {
  readonly cpu: number;
  readonly memory: number;
  readonly io: number;
}

/** Calls in which programs wait, by number on x86-64 and on arm64 and riscv64. */
const WAITING_CALLS: readonly (readonly [string, number, number, boolean])[] = [
  ["read", 0, 63, true],
  ["write", 1, 64, true],
  ["poll", 7, -1, false],
  ["ioctl", 16, 29, true],
  ["pread64", 17, 67, true],
  ["readv", 19, 65, true],
  ["writev", 20, 66, true],
  ["select", 23, -1, false],
  ["pause", 34, -1, false],
  ["nanosleep", 35, 101, false],
  ["connect", 42, 203, true],
  ["accept", 43, 202, true],
  ["sendto", 44, 206, true],
  ["recvfrom", 45, 207, true],
  ["sendmsg", 46, 211, true],
  ["recvmsg", 47, 212, true],
  ["wait4", 61, 260, false],
  ["flock", 73, 32, true],
  ["fsync", 74, 82, true],
  ["futex", 202, 98, false],
  ["clock_nanosleep", 230, 115, false],
  ["epoll_wait", 232, -1, true],
  ["waitid", 247, 95, false],
  ["pselect6", 270, 72, false],
  ["ppoll", 271, 73, false],
  ["splice", 275, 76, true],
  ["epoll_pwait", 281, 22, true],
  ["accept4", 288, 242, true],
  ["io_uring_enter", 426, 426, true],
];
const NUMBER = Deno.build.arch === "x86_64" ? 1 : 2;

/**
 * Looks at a process.
 *
 * @returns null when it has gone.
 */
export function strainOf(pid: number): Strain | null {
  const stat = processStat(pid);
  if (stat === null) return null;
  const [ranNs, waitedNs] = schedstat(pid);
  const status = read(`/proc/${pid}/status`) ?? "";
  const counted = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1] ?? 0);
  return {
    state: stat.state,
    ranNs,
    waitedNs,
    cpuMs: stat.cpuTicks * 10,
    voluntarySwitches: counted("voluntary_ctxt_switches"),
    forcedSwitches: counted("nonvoluntary_ctxt_switches"),
    minorFaults: stat.minorFaults,
    majorFaults: stat.majorFaults,
    tracer: counted("TracerPid"),
    ...callOf(pid),
  };
}

/** What the least look at a process shows, as numbers, so that it passes between threads. */
export interface Glimpse {
  /** Code of its state's letter; 0: it has gone. */
  readonly state: number;
  /** Which of the calls in which programs wait; -1: none. */
  readonly call: number;
  /** Descriptor that the call is about; -1: about none. */
  readonly fd: number;
}

/** Looks at a process that is about to be signalled: some 40 µs. */
export function glimpseOf(pid: number): Glimpse {
  const text = read(`/proc/${pid}/stat`) ?? "";
  const close = text.lastIndexOf(") ");
  const { call, callFd } = callOf(pid);
  return {
    state: close < 0 ? 0 : text.charCodeAt(close + 2),
    call: WAITING_CALLS.findIndex(([name]) => name === call),
    fd: callFd ?? -1,
  };
}

/** The same in words. */
export function glimpsed({ state, call, fd }: Glimpse): Pick<Strain, "state" | "call" | "callFd"> {
  return {
    state: state === 0 ? "" : String.fromCharCode(state),
    call: WAITING_CALLS[call]?.[0] ?? null,
    callFd: fd < 0 ? null : fd,
  };
}

/** How pressed the machine is; null where the kernel does not tell (PSI). */
export function pressure(): Pressure | null {
  const some = (resource: string) =>
    Number(/^some avg10=([\d.]+)/.exec(read(`/proc/pressure/${resource}`) ?? "")?.[1] ?? NaN);
  const found = { cpu: some("cpu"), memory: some("memory"), io: some("io") };
  return Number.isNaN(found.cpu + found.memory + found.io) ? null : found;
}

/** "ran waited slices", nanoseconds. */
function schedstat(pid: number): [number | null, number | null] {
  const [ran, waited] = (read(`/proc/${pid}/schedstat`) ?? "").split(" ").map(Number);
  const known = ran !== undefined && waited !== undefined && !Number.isNaN(ran + waited);
  return known ? [ran, waited] : [null, null];
}

/** The number and the arguments in hexadecimal; `running`, or -1 where it waits in no call. */
function callOf(pid: number): Pick<Strain, "call" | "callFd"> {
  const [number, first] = (read(`/proc/${pid}/syscall`) ?? "").split(" ");
  const found = WAITING_CALLS.find((call) => String(call[NUMBER]) === number);
  if (found === undefined) return { call: null, callFd: null };
  const fd = Number(first);
  return { call: found[0], callFd: found[3] && Number.isInteger(fd) ? fd : null };
}

/** null also when it may not be read: another user's, or refused by the container. */
function read(path: string): string | null {
  try {
    return readSmallFile(path);
  } catch (error) {
    if (error instanceof SystemError) return null;
    throw error;
  }
}
