/**
 * What has to be looked up on the machine before a configuration can be compiled. Pure: the
 * probe asks here and then looks. Must not know: how anything is looked up.
 */
import type { Config, DenoRun, ProcessConfig } from "../config/config.ts";
import { contractsOf } from "../config/contracts_of.ts";
import { actionLookup, listOf } from "./contract_base.ts";
import { executableKey, type ExecutableLookup, type Facts, programSpecifier } from "./facts.ts";
import { Issues } from "./issues.ts";
import { resolvePath } from "./paths.ts";
import { grantValue } from "./permissions.ts";
import { type ContextFacts, processContext } from "./process_context.ts";
import { protectionOf } from "./write_grants.ts";

/** Absolute paths of all env files, each once. */
export function wantedEnvFiles(
  processes: readonly (readonly [string, ProcessConfig])[],
  projectDir: string,
): string[] {
  const files = processes.flatMap(([, process]) => process.envFiles ?? []);
  return [...new Set(files.map((file) => resolvePath(projectDir, file)))];
}

/** Every command to look up (programs, `finish`, what programs may run), each once. */
export function wantedExecutables(
  processes: readonly (readonly [string, ProcessConfig])[],
  facts: ContextFacts,
): ExecutableLookup[] {
  const wanted = new Map<string, ExecutableLookup>();
  for (const [name, process] of processes) {
    const commands = [process.run, process.finish?.run].flatMap((run) =>
      run?.kind === "command" && run.argv[0] !== undefined ? [run.argv[0]] : []
    );
    if (process.run.kind === "deno") {
      const granted = process.run.permissions?.run ?? [];
      commands.push(...granted.map((grant) => grantValue("run", grant, facts.projectDir)));
    }
    if (commands.length === 0) continue;
    // Issues are the compilation's to report; here only the answer counts.
    const { cwd, path } = processContext(name, process, facts, new Issues());
    for (const command of commands) {
      const lookup = { command, cwd, path };
      wanted.set(executableKey(lookup), lookup);
    }
  }
  return [...wanted.values()];
}

/** Every command that a missed contract runs, found as cox itself finds programs; each once. */
export function wantedActionPrograms(
  config: Config,
  facts: Pick<Facts, "environment" | "projectDir">,
): ExecutableLookup[] {
  const commands = contractsOf(config).flatMap(({ miss, broken }) =>
    [miss ?? [], broken ?? []].flatMap(listOf).flatMap((action) =>
      typeof action === "string" ? [] : action.run?.argv.slice(0, 1) ?? []
    )
  );
  return [...new Set(commands)].map((command) => actionLookup(command, facts));
}

/** Specifiers of every sandboxed program, each once. */
export function wantedPrograms(
  processes: readonly (readonly [string, ProcessConfig])[],
  projectDir: string,
): string[] {
  const runs = processes.map(([, process]) => process.run);
  const programs = runs.filter((run): run is DenoRun => run.kind === "deno");
  return [...new Set(programs.map((run) => programSpecifier(run, projectDir)))];
}

/** Absolute paths of native libraries that programs may load, each once. */
export function wantedLibraries(
  processes: readonly (readonly [string, ProcessConfig])[],
  projectDir: string,
): string[] {
  const grants = processes.flatMap(([, { run }]) =>
    run.kind === "deno" ? run.permissions?.ffi ?? [] : []
  );
  return [...new Set(grants.map((grant) => grantValue("ffi", grant, projectDir)))];
}

/** Hosts that programs may import from, for the module cache; each once. */
export function wantedImportHosts(
  processes: readonly (readonly [string, ProcessConfig])[],
): string[] {
  const hosts = processes.flatMap(([, { run }]) =>
    run.kind === "deno" ? run.permissions?.import ?? [] : []
  );
  return [...new Set(hosts)];
}

/**
 * Paths whose kind or links matter: working directories; with any write grant also the grants
 * and everything they must not cover.
 *
 * @param processes Active processes.
 * @param facts Everything but `paths`.
 */
export function wantedPaths(
  processes: readonly (readonly [string, ProcessConfig])[],
  facts: Omit<Facts, "paths">,
): string[] {
  const paths = new Set<string>();
  let grants = 0;
  for (const [, process] of processes) {
    paths.add(resolvePath(facts.projectDir, process.cwd ?? "."));
    if (process.run.kind !== "deno") continue;
    const program = programPath(process.run, facts.projectDir);
    if (program !== null) paths.add(program);
    for (const grant of process.run.permissions?.write ?? []) {
      grants += 1;
      paths.add(resolvePath(facts.projectDir, grant));
    }
  }
  if (grants > 0) {
    const libraries = wantedLibraries(processes, facts.projectDir);
    for (const { path } of protectionOf(facts, libraries)) paths.add(path);
  }
  return [...paths];
}

/**
 * The file of a local program.
 *
 * @returns Absolute path; null for `npm:`, `jsr:` and `https:`.
 */
export function programPath(run: DenoRun, projectDir: string): string | null {
  if (!programSpecifier(run, projectDir).startsWith("file:")) return null;
  if (!run.path.startsWith("file:")) return resolvePath(projectDir, run.path);
  const { pathname } = new URL(run.path);
  try {
    return decodeURIComponent(pathname);
  } catch {
    // A stray "%" is no escape: the path is then as it is written, and probably missing.
    return pathname;
  }
}
