/**
 * How a thread of this process is scheduled.
 * Must not know: why.
 */
import { checked } from "./errno.ts";
import { libc } from "./libc.ts";

/** linux/sched.h. */
const POLICIES = { other: 0, fifo: 1, rr: 2, batch: 3, idle: 5 } as const;
/** asm-generic/unistd.h, and x86-64's own table. */
const SYS_SCHED_SETSCHEDULER = Deno.build.arch === "x86_64" ? 144n : 119n;
const SYS_SCHED_SETAFFINITY = Deno.build.arch === "x86_64" ? 203n : 122n;
const SYS_SCHED_SETATTR = Deno.build.arch === "x86_64" ? 314n : 274n;
/** `struct sched_attr` of linux/sched/types.h, and where its `sched_runtime` is. */
const SCHED_ATTR_BYTES = 48;
const SCHED_ATTR_RUNTIME = 24;
/** CPU_SETSIZE of sched_setaffinity(2). */
const CPUS_MAX = 1024;
/** The kernel's number of the thread that calls. */
export function currentThread(): number {
  return libc().gettid();
}

/**
 * Sets the policy of a thread; what it starts later does not inherit it.
 *
 * @param priority 1 … 99 of fifo and rr; 0 of the others.
 * @throws {SystemError} EPERM without CAP_SYS_NICE.
 */
export function setThreadPolicy(
  thread: number,
  policy: keyof typeof POLICIES,
  priority: number,
): void {
  const parameters = new Int32Array([priority]);
  const number = POLICIES[policy];
  const result = libc().syscallOf(
    SYS_SCHED_SETSCHEDULER,
    BigInt(thread),
    BigInt(number),
    parameters,
  );
  checked(Number(result), "sched_setscheduler");
}

/**
 * Asks for short slices of CPU time: of two that are entitled to as much, the kernel (6.12) lets
 * the one with the shorter slice run first when it wakes. It gets no more of the CPU by that, and
 * needs no permission.
 *
 * @param sliceNs 100,000 at least; an older kernel ignores it.
 * @throws {SystemError} EPERM where the policy may not be set at all.
 */
export function setThreadSlice(thread: number, sliceNs: number): void {
  const attributes = new DataView(new ArrayBuffer(SCHED_ATTR_BYTES));
  attributes.setUint32(0, SCHED_ATTR_BYTES, true);
  attributes.setBigUint64(SCHED_ATTR_RUNTIME, BigInt(sliceNs), true);
  const bytes = new Uint8Array(attributes.buffer);
  checked(Number(libc().syscallWith(SYS_SCHED_SETATTR, thread, bytes, 0n)), "sched_setattr");
}

/**
 * Keeps a thread to these CPUs.
 *
 * @throws {SystemError} EINVAL when none of them is there.
 */
export function setThreadCpus(thread: number, cpus: readonly number[]): void {
  const mask = new Uint8Array(CPUS_MAX / 8);
  for (const cpu of cpus) mask[cpu >> 3] = mask[cpu >> 3]! | (1 << (cpu & 7));
  const result = libc().syscallOf(SYS_SCHED_SETAFFINITY, BigInt(thread), BigInt(mask.length), mask);
  checked(Number(result), "sched_setaffinity");
}
