/**
 * The runtime's module cache: where it is and who can read it. Must not know: what is in it.
 */
import type { UserFact } from "../facts.ts";
import { parentDirectory, resolvePath } from "../paths.ts";

/**
 * Finds the cache folder as the runtime does: DENO_DIR, else the user's cache folder.
 *
 * @param environment cox's own environment.
 * @param user The line of our own user in /etc/passwd; undefined: there is none.
 * @returns Absolute.
 */
export function denoDirectory(
  environment: Readonly<Record<string, string>>,
  user: UserFact | undefined,
): string {
  const named = environment.DENO_DIR;
  if (named !== undefined && named !== "") return resolvePath(Deno.cwd(), named);
  const cache = environment.XDG_CACHE_HOME;
  // The base directory specification has relative ones ignored.
  if (cache?.startsWith("/")) return resolvePath(cache, "deno");
  const home = environment.HOME || user?.home || "/";
  return resolvePath(home, ".cache/deno");
}

/**
 * Tells whether users other than its owner can read a folder: each folder on the way must be
 * searchable by all, the last one readable.
 *
 * @param path Absolute.
 */
export function isReadableByAll(path: string): boolean {
  let needed = 0o005;
  for (let dir = path;; dir = parentDirectory(dir)) {
    try {
      const { mode } = Deno.statSync(dir);
      if (mode === null || (mode & needed) !== needed) return false;
    } catch {
      // What we cannot look at ourselves, others cannot read.
      return false;
    }
    if (dir === "/") return true;
    needed = 0o001;
  }
}
