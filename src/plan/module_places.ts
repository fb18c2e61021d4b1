/**
 * Where the modules of a sandboxed program may lie. What stands in an `import` or `import()`, JSON
 * and text included, is read by the runtime without a permission: `import("/etc/shadow")` fails
 * with its first line. So what lies outside of the project takes a read grant, as any other read
 * would. Must not know: how the files of a program are found.
 */
import type { DenoRun } from "../config/config.ts";
import type { Facts } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";
import { isWithin, parentDirectory, resolvePath } from "./paths.ts";

/** A program. */
export interface ModulePlaces {
  readonly run: DenoRun;
  readonly specifier: string;
  /** Of the program in the configuration. */
  readonly path: IssuePath;
}

/**
 * Refuses modules in the run directory, and outside of the project what is not granted to read.
 *
 * @param program Whose modules.
 * @param facts Its modules, the project, cox.
 * @param issues Receives one error a file.
 */
export function checkModulePlaces(
  { run, specifier, path }: ModulePlaces,
  facts: Omit<Facts, "paths">,
  issues: Issues,
): void {
  const { projectDir, runDir } = facts;
  const places = [
    projectDir,
    facts.cox.dir,
    ...facts.tasks === null ? [] : [parentDirectory(facts.tasks.configPath)],
    ...specifier.startsWith("file:")
      ? [parentDirectory(decodeURIComponent(new URL(specifier).pathname))]
      : [],
    ...(run.permissions?.read ?? []).map((grant) => resolvePath(projectDir, grant)),
  ];
  for (const file of facts.programs.get(specifier)?.files ?? []) {
    if (isWithin(file, runDir)) {
      issues.error(path, `it imports ${file}, which is in the run directory`, "remove the import");
    } else if (!places.some((place) => isWithin(file, place))) {
      issues.error(
        path,
        `it imports ${file}, which is outside of the project: what is imported is read without a permission`,
        "grant it to read, or move it into the project",
      );
    }
  }
}
