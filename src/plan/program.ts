/**
 * What a declared process executes, before limits and users: a command, a task, or a sandboxed
 * program with its flags. Owns what can be wrong with the program itself.
 * Must not know: the exec chain, policies, other processes.
 */
import type { DenoRun, ProcessConfig, TaskRun } from "../config/config.ts";
import { denoRunCommand, denoTaskCommand } from "./deno_command.ts";
import { executableKey, type Facts, programSpecifier } from "./facts.ts";
import type { Issues } from "./issues.ts";
import { permissionFlags } from "./permissions.ts";
import { type LinksDescription, preloadSource } from "./preload.ts";
import type { ProcessContext } from "./process_context.ts";
import { programPath } from "./wanted_facts.ts";
import { checkModulePlaces } from "./module_places.ts";
import { checkSealed } from "./sealed.ts";
import { refusesSymlinks, warnOfLinks } from "./symlinks.ts";
import { checkWriteGrants, type ProtectedPath } from "./write_grants.ts";

/** MAX_ARG_STRLEN of Linux less the terminating NUL (execve(2)). */
const ARGUMENT_BYTES_MAX = 131_071;

/** What compiling one process depends on. */
export interface TemplateRequest {
  readonly name: string;
  readonly process: ProcessConfig;
  readonly facts: Facts;
  /** What no write grant may cover. */
  readonly protectedList: readonly ProtectedPath[];
  /** Groups of the listeners that it is a declared client of. */
  readonly clientGroups: readonly number[];
  /** Paths that a sandboxed program connects to as a declared client. */
  readonly clientPaths: readonly string[];
  /** Where a server asks about its connections; null: it has no need to. */
  readonly gateFd: number | null;
  /** Why it is sealed; null: it is not. */
  readonly sealed: string | null;
}

/** What one replica is handed. */
export type Handed = Pick<LinksDescription, "links" | "memory">;

/** The command line of one replica; its first element is an absolute path. */
export type Program = (replica: string, handed: Handed) => string[];

/**
 * Finds out what to execute.
 *
 * @param request The process and what it depends on.
 * @param context Where it runs.
 * @param notifyFd Where a sandboxed program reports readiness; null: it does not.
 * @param issues Receives what is missing, and what is refused to the program.
 */
export function programOf(
  request: TemplateRequest,
  context: ProcessContext,
  notifyFd: number | null,
  issues: Issues,
): Program {
  const { run } = request.process;
  switch (run.kind) {
    case "command": {
      const path = ["processes", request.name, "run", "argv", 0];
      const found = lookUp(run.argv, request, context, path, issues);
      return () => [found, ...run.argv.slice(1)];
    }
    case "task":
      return taskProgram(run, request, context, issues);
    case "deno":
      return denoProgram(run, request, context, notifyFd, issues);
  }
}

/**
 * Finds the executable of a command line in the process's own PATH.
 *
 * @param argv The command line.
 * @param request The process and what it depends on.
 * @param context Where it runs.
 * @param issuePath Path of `argv[0]` in the configuration.
 * @param issues Receives an error if there is none.
 * @returns Its absolute path; the command as written after an issue.
 */
export function lookUp(
  argv: readonly string[],
  request: TemplateRequest,
  context: ProcessContext,
  issuePath: readonly (string | number)[],
  issues: Issues,
): string {
  const command = argv[0] ?? "";
  const { cwd, path } = context;
  const found = request.facts.executables.get(executableKey({ command, cwd, path })) ?? null;
  if (found !== null) return found;
  const where = command.startsWith("/")
    ? `there is no executable file ${command}`
    : command.includes("/")
    ? `there is no executable file ${command} in ${cwd}`
    : path === ""
    ? `"${command}" cannot be looked up: the process has no PATH`
    : `"${command}" was not found in PATH (${path})`;
  issues.error(issuePath, where, "install it, or write its absolute path");
  return command;
}

function taskProgram(
  run: TaskRun,
  request: TemplateRequest,
  context: ProcessContext,
  issues: Issues,
): Program {
  const { tasks, denoPath } = request.facts;
  const path = ["processes", request.name, "run"];
  if (tasks === null) {
    issues.error([...path, "name"], "the project has no deno.json, so that it has no tasks");
  } else if (!tasks.names.includes(run.name)) {
    issues.error(
      [...path, "name"],
      `${tasks.configPath} declares no task "${run.name}"`,
      tasks.names.length === 0 ? null : `tasks there: ${tasks.names.join(", ")}`,
    );
  }
  issues.warning(
    path,
    `the task "${run.name}" runs without a sandbox`,
    "use deno(path, { permissions }) for a program that needs to be confined",
  );
  const argv = denoTaskCommand({
    denoPath,
    configPath: tasks?.configPath ?? "",
    cwd: context.cwd,
    name: run.name,
    args: run.args ?? [],
  });
  return () => argv;
}

function denoProgram(
  run: DenoRun,
  request: TemplateRequest,
  context: ProcessContext,
  notifyFd: number | null,
  issues: Issues,
): Program {
  const { facts, name, gateFd } = request;
  const path = ["processes", name, "run"];
  checkProgram(run, request, context, issues);
  checkModulePlaces(
    { run, specifier: programSpecifier(run, facts.projectDir), path: [...path, "path"] },
    facts,
    issues,
  );
  const permissionPath = [...path, "permissions"];
  const { projectDir } = facts;
  const flags = permissionFlags(
    { permissions: withPaths(run.permissions, request), projectDir, path: permissionPath },
    issues,
  );
  const write = {
    grants: run.permissions?.write ?? [],
    projectDir,
    path: [...permissionPath, "write"],
  };
  checkWriteGrants(write, request.protectedList, facts.paths, issues);
  if (context.identity === null && !refusesSymlinks(run, context, facts)) {
    warnOfLinks(run, projectDir, write.path, issues);
  }
  if (request.sealed !== null) {
    checkSealed({ name, run, env: context.env, why: request.sealed }, issues);
  }
  const specifier = programSpecifier(run, projectDir);
  const remote = facts.programs.get(specifier)?.remote ?? false;
  const importMap = importMapArgument(request, context, issues);
  return (replica, { links, memory }) =>
    denoRunCommand({
      denoPath: facts.denoPath,
      importMap,
      lockPath: remote ? facts.lockPath : null,
      preload: preloadSource({ process: replica, notifyFd, gateFd, links, memory }),
      // Whole, because pointers are not to be had with less; the preload gives it up.
      permissionFlags: memory === null ? flags : [...flags, "--allow-ffi"],
      program: programPath(run, projectDir) ?? specifier,
      args: run.args ?? [],
    });
}

/** To connect to a path takes the grants to read it, to write it, and to use it as an address. */
function withPaths(
  permissions: DenoRun["permissions"],
  { clientPaths }: TemplateRequest,
): DenoRun["permissions"] {
  if (clientPaths.length === 0) return permissions;
  const { read = [], write = [], net = [] } = permissions ?? {};
  return {
    ...permissions,
    read: [...read, ...clientPaths],
    write: [...write, ...clientPaths],
    net: [...net, ...clientPaths.map((path) => `unix:${path}`)],
  };
}

function importMapArgument(
  request: TemplateRequest,
  context: ProcessContext,
  issues: Issues,
): string {
  const { importMap, runDir } = request.facts;
  if (context.identity === null) return `${runDir}/import_map.json`;
  // The run directory is closed to other users, so that they get the map itself.
  const url = `data:application/json,${encodeURIComponent(importMap)}`;
  if (url.length > ARGUMENT_BYTES_MAX) {
    issues.error(
      ["processes", request.name, "user"],
      `the import map is too large to hand to another user: ${url.length} bytes`,
      "shorten the imports of deno.json",
    );
  }
  return url;
}

function checkProgram(
  run: DenoRun,
  request: TemplateRequest,
  context: ProcessContext,
  issues: Issues,
): void {
  const { facts, name } = request;
  const path = ["processes", name, "run", "path"];
  const file = programPath(run, facts.projectDir);
  const kind = file === null ? "file" : facts.paths.get(file)?.kind ?? "missing";
  if (kind !== "file") {
    issues.error(
      path,
      kind === "missing" ? `there is no file ${file}` : `${file} is not a file`,
      "a path is relative to the folder of the configuration",
    );
    return;
  }
  const program = facts.programs.get(programSpecifier(run, facts.projectDir));
  for (const error of program?.errors ?? []) issues.error(path, error);
  if (program?.remote === true && context.identity !== null && !facts.denoDirShared) {
    issues.error(
      ["processes", name, "user"],
      `uid ${context.identity.uid} cannot read the module cache ${facts.denoDir}, which the program needs`,
      "set DENO_DIR to a folder that every user can read, and start cox again",
    );
  }
}
