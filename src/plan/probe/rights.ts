/**
 * What the kernel lets this process change about scheduling: read from /proc, without trying.
 * Must not know: what a configuration asks for.
 */
import type { RightsFact } from "../facts.ts";

/** Numbers above what `cat /sys/devices/system/cpu/online` can say are no CPUs (CPU_SETSIZE). */
const CPUS_MAX = 1024;

/**
 * Reads the rights of this process.
 *
 * @param readFile reads a kernel file; null: there is none.
 */
export function readRights(readFile: (path: string) => string | null): RightsFact {
  const read = (path: string) => readFile(path) ?? "";
  const [status, limits] = [read("/proc/self/status"), read("/proc/self/limits")];
  return {
    capabilities: capabilities(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"),
    rtPriorityMax: hardLimit(limits, "Max realtime priority"),
    oomScore: Number(read("/proc/self/oom_score_adj")),
    cpus: cpuList(read("/sys/devices/system/cpu/online")),
    realTimeShare: realTimeShare(read),
  };
}

/**
 * Reads a list of CPUs as the kernel writes them.
 *
 * @param text `0-2,4`.
 * @returns `[0, 1, 2, 4]`; of what is no such list, nothing.
 */
export function cpuList(text: string): number[] {
  return text.trim().split(",").flatMap((part) => {
    const match = /^([0-9]{1,4})(?:-([0-9]{1,4}))?$/.exec(part);
    if (match === null) return [];
    const first = Number(match[1]);
    const last = Math.min(Number(match[2] ?? first), CPUS_MAX - 1);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, at) => first + at);
  });
}

/** @returns 1: no throttling, or a kernel that does not know it. */
function realTimeShare(read: (path: string) => string): number {
  const [runtime, period] = ["runtime", "period"].map((name) =>
    Number(read(`/proc/sys/kernel/sched_rt_${name}_us`) || NaN)
  ) as [number, number];
  return runtime >= 0 && period > 0 ? runtime / period : 1;
}

function capabilities(mask: string): number[] {
  const bits = BigInt(`0x${mask}`);
  return Array.from({ length: 64 }, (_, bit) => bit)
    .filter((bit) => (bits >> BigInt(bit) & 1n) === 1n);
}

/** A line of /proc/self/limits: name, soft, hard, unit. */
function hardLimit(limits: string, name: string): number {
  const line = limits.split("\n").find((each) => each.startsWith(name)) ?? "";
  const hard = /^\s+\S+\s+(\S+)/.exec(line.slice(name.length))?.[1];
  return hard === "unlimited" ? Infinity : Number(hard ?? 0);
}
