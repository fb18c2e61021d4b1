/**
 * What no program may be allowed to write: whatever decides which code runs, or as what. A
 * program that can write its own modules, a binary, the module cache or the plan can give
 * itself every permission. Owns the list and the comparison. Must not know: flags.
 */
import type { Facts, PathFact } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";
import { isWithin, parentDirectory, resolvePath } from "./paths.ts";
import type { ChannelPlan } from "./plan.ts";
import { notifyDirectory } from "./supervisor_flags.ts";

/** Something that must not be written. */
export interface ProtectedPath {
  /** Absolute. */
  readonly path: string;
  /** "cox's own code": completes "it covers …". */
  readonly what: string;
  /** True where it counts only if the folder exists: package managers put many into PATH. */
  readonly ifThere?: boolean;
}

const LIBRARY_FOLDERS = ["/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"];

/**
 * Lists what is protected, without duplicates; the first reason given wins.
 *
 * @param facts Where cox, the run directory, the cache, programs and executables are.
 * @param libraries Absolute paths of the native libraries that programs may load.
 */
export function protectionOf(
  facts: Omit<Facts, "paths">,
  libraries: readonly string[],
): ProtectedPath[] {
  const { dir } = facts.cox;
  const list: ProtectedPath[] = [
    // Not the whole folder: a project may live in it, as the default pipeline does.
    { path: `${dir}/src`, what: "cox's own code" },
    { path: `${dir}/main.ts`, what: "cox's own code" },
    { path: `${dir}/deno.json`, what: "cox's own configuration" },
    { path: `${dir}/deno.lock`, what: "cox's own lock file" },
    { path: facts.runDir, what: "the run directory" },
    { path: notifyDirectory(facts.runDir), what: "the notify sockets" },
    { path: facts.denoDir, what: "the module cache" },
    { path: facts.denoPath, what: "an executable" },
    { path: facts.configPath, what: "the configuration" },
    // Loaded into every program before its first line, the sealed ones included (ld.so(8)).
    { path: "/etc/ld.so.preload", what: "what is loaded into every program" },
    { path: "/etc/ld.so.cache", what: "what is loaded into every program" },
    ...LIBRARY_FOLDERS.map((path) => ({ path, what: "the system's libraries", ifThere: true })),
  ];
  const add = (path: string | null | undefined, what: string) => {
    if (typeof path === "string") list.push({ path, what });
  };
  add(facts.tasks?.configPath, "the project's deno.json");
  // One that does not exist yet would be obeyed by the next start.
  for (const name of ["deno.json", "deno.jsonc"]) {
    add(resolvePath(facts.projectDir, name), "the project's deno.json");
  }
  add(facts.lockPath, "the project's lock file");
  for (const path of facts.envFiles.keys()) add(path, "an environment file");
  for (const path of Object.values(facts.tools)) add(path, "an executable");
  for (const path of facts.executables.values()) add(path, "an executable");
  // What a script runs by name is looked up there, each time anew.
  for (const path of (facts.environment["PATH"] ?? "").split(":")) {
    if (!path.startsWith("/")) continue;
    list.push({ path: resolvePath("/", path), what: "a folder of PATH", ifThere: true });
  }
  for (const path of libraries) add(path, "a native library");
  for (const program of facts.programs.values()) {
    for (const path of program.files) add(path, "a module of a program");
  }
  const first = new Map<string, ProtectedPath>();
  for (const entry of list) if (!first.has(entry.path)) first.set(entry.path, entry);
  return [...first.values()];
}

/**
 * Lists the directories of listening sockets: who can write there can put a server of its own
 * in the place of the declared one.
 *
 * @param channels Compiled channels.
 */
export function protectionOfSockets(channels: readonly ChannelPlan[]): ProtectedPath[] {
  return channels.flatMap((channel) =>
    channel.kind === "listen" && channel.address.kind === "unix"
      ? [{ path: parentDirectory(channel.address.path), what: "the directory of a socket" }]
      : []
  );
}

/** The write grants of one program. */
export interface WriteGrants {
  readonly grants: readonly string[];
  readonly projectDir: string;
  /** Path of the `write` key, for issues. */
  readonly path: IssuePath;
}

/**
 * Refuses every grant that is an ancestor of something protected, is it, or lies inside it.
 * Both are compared as written and with symbolic links resolved; what is protected also with each
 * link on the way, since who may write where one lies can make it lead elsewhere.
 *
 * @param write The grants.
 * @param protectedList What must not be covered.
 * @param paths Link resolution; a path that is absent stands for itself.
 * @param issues Receives one error a grant.
 */
export function checkWriteGrants(
  write: WriteGrants,
  protectedList: readonly ProtectedPath[],
  paths: ReadonlyMap<string, PathFact>,
  issues: Issues,
): void {
  for (const [at, grant] of write.grants.entries()) {
    // Empty ones have been refused already, and would stand for the project here.
    if (grant.trim() === "") continue;
    const written = resolvePath(write.projectDir, grant);
    const granted = new Set([written, realPath(written, paths)]);
    const covered = protectedList.find((entry) => {
      if (entry.ifThere && paths.get(entry.path)?.kind !== "directory") return false;
      const links = paths.get(entry.path)?.links ?? [];
      const targets = new Set([entry.path, realPath(entry.path, paths), ...links]);
      return [...granted].some((from) =>
        [...targets].some((target) => isWithin(target, from) || isWithin(from, target))
      );
    });
    if (covered === undefined) continue;
    issues.error(
      [...write.path, at],
      `the write grant ${JSON.stringify(grant)} covers ${covered.what}: ${covered.path}`,
      "grant a folder that holds nothing but data",
    );
  }
}

function realPath(path: string, paths: ReadonlyMap<string, PathFact>): string {
  return paths.get(path)?.realPath ?? path;
}
