/**
 * Gathers everything that `compile` needs to know about the machine, and nothing that this
 * configuration does not need: no runtime is started for a crew of plain commands.
 * Must not know: what is right or wrong.
 */
import type { Config } from "../../config/config.ts";
import { contractsOf } from "../../config/contracts_of.ts";
import { activeProcesses } from "../expand.ts";
import { executableKey, type Facts } from "../facts.ts";
import { withCoxNames } from "../import_map.ts";
import { parentDirectory } from "../paths.ts";
import {
  wantedActionPrograms,
  wantedEnvFiles,
  wantedExecutables,
  wantedPaths,
  wantedPrograms,
} from "../wanted_facts.ts";
import type { CoxInstallation } from "./cox_installation.ts";
import { denoDirectory, isReadableByAll } from "./deno_dir.ts";
import { readEnvFile } from "./env_files.ts";
import { findExecutable } from "./executables.ts";
import { memoryFact } from "./memory_fact.ts";
import { moduleFacts } from "./module_facts.ts";
import { foldersAbove, pathFact } from "./path_facts.ts";
import { readProject } from "./project.ts";
import { readRights } from "./rights.ts";
import { hasSeccomp } from "./seccomp.ts";
import { readAccounts } from "./users.ts";

/** What cannot be found out from the configuration. */
export interface GatherOptions {
  /** Absolute. */
  readonly configPath: string;
  /** Absolute; it need not exist. */
  readonly runDir: string;
  readonly profiles: readonly string[];
  /** cox's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly cox: CoxInstallation;
  /** Absolute path of the runtime. */
  readonly denoPath: string;
  /** Asks the kernel what one of our pipes may hold; null: no limit for us. */
  readonly pipeBytesMax: () => number | null;
  /** Reads a file of the kernel's as text; null: there is none. */
  readonly readKernelFile: (path: string) => string | null;
  readonly signal?: AbortSignal;
}

/**
 * Looks at the machine.
 *
 * @param config The configuration, already checked by the schema.
 * @param options Where everything is.
 * @throws {ProjectError} If the project's deno.json cannot be read.
 * @throws {Error} If the runtime cannot be asked about modules.
 */
export async function gatherFacts(config: Config, options: GatherOptions): Promise<Facts> {
  const { environment, configPath, denoPath } = options;
  const projectDir = parentDirectory(configPath);
  const processes = activeProcesses(config, options.profiles);
  const project = readProject(projectDir);
  const importMap = JSON.stringify(withCoxNames(project.importMap, options.cox));
  // The runtime takes longest: it is asked first and waited for last.
  const asked = moduleFacts(wantedPrograms(processes, projectDir), {
    denoPath,
    environment,
    importMap,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  // Should the rest fail first, nobody would be waiting for this one's failure.
  asked.catch(() => {});
  const envFiles = new Map(
    await Promise.all(
      wantedEnvFiles(processes, projectDir)
        .map(async (path) => [path, await readEnvFile(path)] as const),
    ),
  );
  const { users, groups } = readAccounts();
  const uid = Deno.uid() ?? 0;
  const gid = Deno.gid() ?? 0;
  const denoDir = denoDirectory(environment, users.find((user) => user.uid === uid));
  const context = { denoDir, environment, envFiles, gid, groups, projectDir, uid, users };
  const wanted = [
    ...wantedExecutables(processes, context),
    ...wantedActionPrograms(config, context),
  ];
  const executables = new Map(
    wanted
      .map((lookup) => [executableKey(lookup), findExecutable(lookup)] as const),
  );
  const facts: Omit<Facts, "paths"> = {
    ...context,
    cox: { version: options.cox.version, dir: options.cox.dir },
    denoPath,
    denoDirShared: isReadableByAll(denoDir),
    configPath,
    runDir: options.runDir,
    runDirAbove: foldersAbove(options.runDir),
    profiles: options.profiles,
    tools: findTools(environment.PATH ?? ""),
    rights: hasTiming(config) ? readRights(options.readKernelFile) : null,
    seccomp: hasSeccomp(options.readKernelFile),
    pipeBytesMax: hasRelayedPipe(config) ? options.pipeBytesMax() : null,
    memory: hasMailbox(config) ? memoryFact(options.readKernelFile) : null,
    executables,
    programs: await asked,
    tasks: project.tasks,
    importMap,
    lockPath: project.lockPath,
  };
  const paths = new Map(
    wantedPaths(processes, facts).map((path) => [path, pathFact(path)] as const),
  );
  return { ...facts, paths };
}

/** Pipes of a size of our choosing are made for these, so that only they need the answer. */
function hasRelayedPipe(config: Config): boolean {
  return Object.values(config.channels ?? {})
    .some((channel) => channel.kind === "pipe" && channel.framing !== undefined);
}

function hasMailbox(config: Config): boolean {
  return Object.values(config.channels ?? {}).some(({ kind }) => kind === "mailbox");
}

function hasTiming(config: Config): boolean {
  const { processes, supervisor } = config;
  return supervisor?.scheduling !== undefined || contractsOf(config).length > 0 ||
    Object.values(processes).some(({ scheduling }) => scheduling !== undefined);
}

/** Looks for the chain's tools in cox's own PATH, not in a process's. */
function findTools(path: string): Facts["tools"] {
  const find = (command: string) => findExecutable({ command, cwd: "/", path });
  return {
    setpriv: find("setpriv"),
    prlimit: find("prlimit"),
    nice: find("nice"),
    choom: find("choom"),
    ionice: find("ionice"),
    taskset: find("taskset"),
    chrt: find("chrt"),
  };
}
