/** How many files this process may have open. Must not know: how many it needs. */
import { readSmallFile } from "./file.ts";

/**
 * The soft limit on open files, which Deno raises to the hard one when it starts.
 *
 * @returns Infinity when there is none.
 */
export function openFilesMax(): number {
  const text = readSmallFile("/proc/self/limits") ?? "";
  const soft = /^Max open files\s+(\S+)/m.exec(text)?.[1];
  return soft === undefined || soft === "unlimited" ? Infinity : Number(soft);
}
