/**
 * What `compile` is told about the machine, as data. Owns the types, and the keys under which
 * the probe files what it found. Must not know: how facts are gathered.
 */
import type { DenoRun } from "../config/config.ts";
import { fileUrl, resolvePath } from "./paths.ts";

/** One line of /etc/passwd. */
export interface UserFact {
  readonly name: string;
  readonly uid: number;
  /** Primary group. */
  readonly gid: number;
  readonly home: string;
}

/** One line of /etc/group. */
export interface GroupFact {
  readonly name: string;
  readonly gid: number;
  /** Users that have it besides their primary group. */
  readonly members: readonly string[];
}

/** An environment file: its variables, or why it could not be read. */
export type EnvFileFact =
  | { readonly kind: "read"; readonly values: Readonly<Record<string, string>> }
  | { readonly kind: "failed"; readonly reason: string };

/** What an absolute path is, symbolic links followed. */
export interface PathFact {
  readonly kind: "file" | "directory" | "other" | "missing";
  /** With every link resolved; of a missing path, its deepest existing ancestor's. */
  readonly realPath: string;
  /** Every symbolic link on the way there, where it really lies. @default none */
  readonly links?: readonly string[];
}

/** The local part of one program's module graph. */
export interface ProgramFact {
  /** Absolute paths of all local modules, the program included; some may not exist (yet). */
  readonly files: readonly string[];
  /** True if the graph has an `npm:`, `jsr:` or `https:` module: needs the cache. */
  readonly remote: boolean;
  /** Why the graph cannot be built, one text a module; dynamic imports are not in it. */
  readonly errors: readonly string[];
}

/** Who may pass through a folder. */
export interface FolderFact {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** The tasks that the project's deno.json declares. */
export interface TasksFact {
  /** Absolute path of deno.json or deno.jsonc. */
  readonly configPath: string;
  readonly names: readonly string[];
}

/** Programs that an exec chain may need, found in cox's own PATH; null: not installed. */
export interface ToolFacts {
  readonly setpriv: string | null;
  readonly prlimit: string | null;
  readonly nice: string | null;
  readonly choom: string | null;
  readonly ionice: string | null;
  readonly taskset: string | null;
  readonly chrt: string | null;
}

/** What the kernel lets us change about how processes are scheduled. */
export interface RightsFact {
  /** Effective capabilities by number (capabilities(7)). */
  readonly capabilities: readonly number[];
  /** RLIMIT_RTPRIO, hard: real-time priorities up to this without CAP_SYS_NICE. */
  readonly rtPriorityMax: number;
  /** Our own `/proc/self/oom_score_adj`. */
  readonly oomScore: number;
  /** CPUs that are online. */
  readonly cpus: readonly number[];
  /** Part of a CPU that real-time policies may use, 0 … 1 (sched_rt_runtime_us). */
  readonly realTimeShare: number;
}

/** The only huge pages that are asked for. */
export const HUGE_PAGE_BYTES = 2 ** 21;

/** Memory that can be had. */
export interface MemoryFact {
  readonly bytes: number;
  /** `this machine`, `the cgroup /system.slice`: completes "and … has 3 GiB". */
  readonly what: string;
  /** Of one segment: RLIMIT_FSIZE counts for memory too, and who exceeds it is killed. */
  readonly segmentBytesMax: number;
  /** In free huge pages of 2 MiB, which were set aside and are no part of `bytes`. */
  readonly hugeBytes: number;
}

/** Everything that compiling depends on besides the configuration. */
export interface Facts {
  readonly cox: { readonly version: string; readonly dir: string };
  /** Absolute path of the runtime's binary, links resolved. */
  readonly denoPath: string;
  /** Absolute directory of the module cache. */
  readonly denoDir: string;
  /** True if users other than ours can read the module cache. */
  readonly denoDirShared: boolean;
  readonly configPath: string;
  /** Directory of the configuration file. */
  readonly projectDir: string;
  readonly runDir: string;
  /** The folders above the run directory that exist, the root first. */
  readonly runDirAbove: readonly FolderFact[];
  /** Environment of cox itself. */
  readonly environment: Readonly<Record<string, string>>;
  /** Profiles that the command line switched on. */
  readonly profiles: readonly string[];
  /** Who cox runs as. */
  readonly uid: number;
  readonly gid: number;
  readonly users: readonly UserFact[];
  readonly groups: readonly GroupFact[];
  readonly tools: ToolFacts;
  /** null: nothing is to be scheduled in a way of its own, and there is no time contract. */
  readonly rights: RightsFact | null;
  /** The kernel takes single system calls from a process that asks for it (seccomp(2)). */
  readonly seccomp: boolean;
  /** What the kernel lets one of our pipes hold at most; null: no limit for us. */
  readonly pipeBytesMax: number | null;
  /** Memory for mailboxes; null: there are none. */
  readonly memory: MemoryFact | null;
  /** By absolute path. */
  readonly envFiles: ReadonlyMap<string, EnvFileFact>;
  /** Absolute path or null (not found), by {@link executableKey}. */
  readonly executables: ReadonlyMap<string, string | null>;
  /** By absolute path: working directories, write grants, everything that is protected. */
  readonly paths: ReadonlyMap<string, PathFact>;
  /** By {@link programSpecifier}. */
  readonly programs: ReadonlyMap<string, ProgramFact>;
  /** null: the project has no deno.json. */
  readonly tasks: TasksFact | null;
  /** Resolved import map, JSON text: what `<runDir>/import_map.json` will hold. */
  readonly importMap: string;
  /** The project's lock file, or null. */
  readonly lockPath: string | null;
}

/** A program name, and where to look for it. */
export interface ExecutableLookup {
  /** `argv[0]` as written. */
  readonly command: string;
  /** Absolute; a command with a slash is relative to it. */
  readonly cwd: string;
  /** The process's own PATH; empty: nothing is found by name. */
  readonly path: string;
}

/** The key of {@link Facts.executables}. */
export function executableKey(lookup: ExecutableLookup): string {
  if (lookup.command.startsWith("/")) return lookup.command;
  // NUL cannot be part of a path, so that no two lookups share a key.
  const place = lookup.command.includes("/") ? lookup.cwd : lookup.path;
  return `${lookup.command}\0${place}`;
}

/**
 * The module specifier of a program.
 *
 * @param run As declared.
 * @param projectDir What a relative path is relative to.
 * @returns A URL: `file:`, `npm:`, `jsr:` or `https:`.
 */
export function programSpecifier(run: DenoRun, projectDir: string): string {
  if (/^(?:npm|jsr|https?):/.test(run.path)) return run.path;
  if (run.path.startsWith("file:")) return new URL(run.path).href;
  return fileUrl(resolvePath(projectDir, run.path));
}
