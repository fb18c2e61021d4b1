/**
 * Resource limits: from the configuration's units to what prlimit(1) takes.
 * Must not know: the exec chain they go into.
 */
import type { Duration, LimitValue, ProcessConfig, Size } from "../config/config.ts";
import { parseDurationNs, parseSizeBytes } from "../config/units.ts";
import type { LimitName, LimitPair } from "./exec_chain.ts";
import type { IssuePath, Issues } from "./issues.ts";

/**
 * Converts the limits that are given; others stay as they are inherited.
 *
 * @param config `limits` of the process.
 * @param path Path of the `limits` key, for issues.
 * @param issues Receives a soft limit above its hard limit.
 */
export function limitPairs(
  config: ProcessConfig["limits"],
  path: IssuePath,
  issues: Issues,
): (readonly [LimitName, LimitPair])[] {
  const pairs: (readonly [LimitName, LimitPair])[] = [];
  const add = <T>(name: LimitName, value: LimitValue<T> | undefined, convert: (v: T) => number) => {
    if (value === undefined) return;
    const one = (part: T | "unlimited") => part === "unlimited" ? null : convert(part as T);
    const pair = Array.isArray(value)
      ? { soft: one(value[0]), hard: one(value[1]) }
      : { soft: one(value as T | "unlimited"), hard: one(value as T | "unlimited") };
    if (pair.hard !== null && (pair.soft === null || pair.soft > pair.hard)) {
      issues.error(
        [...path, name],
        `the soft limit must be at most the hard limit, is ${JSON.stringify(value)}`,
        "write [soft, hard]",
      );
    }
    pairs.push([name, pair]);
  };
  const count = (value: number) => value;
  add<number>("nofile", config?.nofile, count);
  add<number>("nproc", config?.nproc, count);
  add<Size>("as", config?.as, parseSizeBytes);
  add<Size>("fsize", config?.fsize, parseSizeBytes);
  add<Size>("core", config?.core, parseSizeBytes);
  add<Size>("memlock", config?.memlock, parseSizeBytes);
  // The kernel counts whole seconds; rounded up, a short limit does not become 0 (kill at once).
  add<Duration>("cpu", config?.cpu, (value) => Math.ceil(parseDurationNs(value) / 1e9));
  return pairs;
}
