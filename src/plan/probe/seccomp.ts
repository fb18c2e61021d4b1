/** Whether the kernel takes single system calls from a process. Must not know: which ones. */

/** Machines whose numbers of calls the seal knows. */
const ARCHITECTURES: readonly string[] = ["x86_64", "aarch64"];

/**
 * Asks the kernel whether it refuses calls by a filter (seccomp(2)).
 *
 * @param readFile reads a kernel file; null: there is none.
 */
export function hasSeccomp(readFile: (path: string) => string | null): boolean {
  const actions = readFile("/proc/sys/kernel/seccomp/actions_avail") ?? "";
  return ARCHITECTURES.includes(Deno.build.arch) && actions.trim().split(" ").includes("errno");
}
