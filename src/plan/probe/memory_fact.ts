/**
 * How much memory can be had: what the kernel thinks it can give without swapping, or less where a
 * control group allows less. Must not know: what it is for.
 */
import { HUGE_PAGE_BYTES, type MemoryFact } from "../facts.ts";

const UNIFIED = "/sys/fs/cgroup";

/** What there is in one place. */
type Place = Pick<MemoryFact, "bytes" | "what">;

/**
 * Looks at the machine, at the control groups that this process is in, and at its limits.
 *
 * @param read gives a kernel file's text; null: there is none.
 */
export function memoryFact(read: (path: string) => string | null): MemoryFact {
  const facts = [
    ...machineFact(read("/proc/meminfo") ?? ""),
    ...cgroupFacts(read("/proc/self/cgroup") ?? "", read),
  ];
  const least = facts.reduce((a, b) => (b.bytes < a.bytes ? b : a), {
    bytes: Infinity,
    what: "this machine",
  });
  if (least.bytes === Infinity) throw new Error("/proc/meminfo does not tell MemAvailable");
  return {
    ...least,
    segmentBytesMax: fileLimit(read("/proc/self/limits") ?? ""),
    hugeBytes: hugeBytes(read("/proc/meminfo") ?? ""),
  };
}

/** `Max file size             unlimited            unlimited            bytes`: the soft one. */
export function fileLimit(limits: string): number {
  const soft = /^Max file size\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? Number.MAX_SAFE_INTEGER : Number(soft);
}

/** `MemAvailable:    3145728 kB`. */
export function machineFact(meminfo: string): Place[] {
  const kilobytes = /^MemAvailable:\s+(\d+) kB$/m.exec(meminfo)?.[1];
  if (kilobytes === undefined) return [];
  return [{ bytes: Number(kilobytes) * 1024, what: "this machine" }];
}

/** `HugePages_Free:        8`, of 2 MiB; 0 where the machine's are of another size. */
export function hugeBytes(meminfo: string): number {
  if (!/^Hugepagesize:\s+2048 kB$/m.test(meminfo)) return 0;
  return Number(/^HugePages_Free:\s+(\d+)$/m.exec(meminfo)?.[1] ?? "0") * HUGE_PAGE_BYTES;
}

/**
 * What each control group above this process leaves: its limit less what is used.
 *
 * @param cgroups `/proc/self/cgroup`.
 * @param read gives a file's text, or null.
 */
export function cgroupFacts(
  cgroups: string,
  read: (path: string) => string | null,
): Place[] {
  const facts: Place[] = [];
  for (const line of cgroups.split("\n")) {
    const [, controllers, path] = /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const unified = controllers === "";
    if (!unified && controllers !== "memory") continue;
    const root = unified ? UNIFIED : `${UNIFIED}/memory`;
    const [limit, usage] = unified
      ? ["memory.max", "memory.current"]
      : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    for (const at of upToRoot(path)) {
      const folder = at === "/" ? root : `${root}${at}`;
      const max = Number(read(`${folder}/${limit}`)?.trim() ?? "max");
      // What is kept of files and not in use is given up as soon as it is needed.
      const stat = read(`${folder}/memory.stat`) ?? "";
      const spare = Number(/^(?:total_)?inactive_file (\d+)$/m.exec(stat)?.[1] ?? "0");
      const used = Number(read(`${folder}/${usage}`)?.trim() ?? "0") - spare;
      if (Number.isFinite(max) && max < Number.MAX_SAFE_INTEGER) {
        facts.push({ bytes: Math.max(0, max - used), what: `the control group ${at}` });
      }
    }
  }
  return facts;
}

/**
 * `/a/b`, `/a`, `/`. The last also where the machine has no limit there: in a container the others
 * may be the machine's names, which lead nowhere, and what is seen as the root is the container's.
 */
function upToRoot(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return [...names.keys()].map((at) => `/${names.slice(0, at + 1).join("/")}`).toReversed()
    .concat("/");
}
