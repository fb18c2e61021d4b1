/**
 * Finds executables the way execvp(3) would in the process's own PATH, but once, before
 * anything runs. Must not know: who wants to run them.
 */
import type { ExecutableLookup } from "../facts.ts";
import { resolvePath } from "../paths.ts";

/**
 * Finds one executable.
 *
 * @param lookup Its name and where to look.
 * @returns Its absolute path (links not resolved: some programs act on the name they are
 *   called by); null if there is none.
 */
export function findExecutable(lookup: ExecutableLookup): string | null {
  const { command, cwd, path } = lookup;
  if (command === "") return null;
  if (command.includes("/")) {
    const file = resolvePath(cwd, command);
    return isExecutable(file) ? file : null;
  }
  if (path === "") return null;
  for (const directory of path.split(":")) {
    // An empty element is the working directory (execvp(3)).
    const file = resolvePath(resolvePath(cwd, directory), command);
    if (isExecutable(file)) return file;
  }
  return null;
}

function isExecutable(file: string): boolean {
  try {
    const { isFile, mode } = Deno.statSync(file);
    // For root the kernel asks for the same: any of the three. For others it asks for more,
    // and says so at the spawn. (`access` is in node:fs, which costs 20 ms to load.)
    return isFile && mode !== null && (mode & 0o111) !== 0;
  } catch {
    // Missing, unreadable or not executable: the search goes on, as execvp's does.
    return false;
  }
}
