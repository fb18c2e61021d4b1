/**
 * Symbolic links of a program's own making. In a folder that it may both read and write the
 * runtime's node:wasi makes links that lead anywhere, and through them the program reads and writes
 * whatever its user may (Deno 2.9.6). The seal takes the system call from it; where that cannot be,
 * it is warned of. Owns who is concerned, and who can be held. Must not know: how the call is taken
 * (src/seal).
 */
import type { DenoRun, Run } from "../config/config.ts";
import { changesCode } from "./environment.ts";
import type { Facts } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";
import { isWithin, resolvePath } from "./paths.ts";
import type { ProcessContext } from "./process_context.ts";

/**
 * Whether a program is to be without the system calls that make symbolic links. One that may start
 * programs or call foreign functions has no need of them to leave its sandbox, and one whose
 * environment brings code along would have that run before the seal.
 *
 * @param run The program.
 * @param context Its environment.
 * @param facts Where the project is, and whether the kernel can take system calls from a process.
 */
export function refusesSymlinks(
  run: Run,
  { env }: Pick<ProcessContext, "env">,
  { projectDir, seccomp }: Pick<Facts, "projectDir" | "seccomp">,
): boolean {
  if (run.kind !== "deno" || !seccomp) return false;
  const { run: programs = [], ffi = [] } = run.permissions ?? {};
  if (programs.length > 0 || ffi.length > 0) return false;
  return openFolder(run, projectDir) !== null && !env.some(([name]) => changesCode(name));
}

/**
 * Warns of a folder that a program may read and write, and cannot be kept in.
 *
 * @param run The program.
 * @param projectDir What relative grants are relative to.
 * @param path Path of the `write` key.
 * @param issues Receives one warning at most.
 */
export function warnOfLinks(
  run: DenoRun,
  projectDir: string,
  path: IssuePath,
  issues: Issues,
): void {
  const folder = openFolder(run, projectDir);
  if (folder === null) return;
  issues.warning(
    [...path, folder.at],
    `it may read and write ${folder.path}: in such a folder the runtime's node:wasi makes links ` +
      "that lead out of it, and out of the sandbox",
    "give it a `user` of its own, or one grant of the two",
  );
}

/** The first folder that may be both read and written, and which write grant it is of. */
function openFolder({ permissions }: DenoRun, projectDir: string) {
  const absolute = (grant: string) => resolvePath(projectDir, grant);
  const read = (permissions?.read ?? []).map(absolute);
  for (const [at, grant] of (permissions?.write ?? []).entries()) {
    const written = absolute(grant);
    const both = read.find((from) => isWithin(from, written) || isWithin(written, from));
    if (grant.trim() === "" || both === undefined) continue;
    return { at, path: isWithin(both, written) ? both : written };
  }
  return null;
}
