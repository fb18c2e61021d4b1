/**
 * Starts one program: `posix_spawn` with exactly the descriptors, environment, directory
 * and umask that are asked for, in a session of its own. Owns the translation of a
 * failure into what was at fault. Must not know: processes of a plan, restarts.
 */
import { cString, StringList, stringTables } from "../os/c_string.ts";
import { errnoName, lastErrno, SystemError } from "../os/errno.ts";
import {
  FILE_ACTIONS_BYTES,
  libc,
  O_CLOEXEC,
  O_DIRECTORY,
  O_RDONLY,
  POSIX_SPAWN_SETSID,
  POSIX_SPAWN_SETSIGDEF,
  POSIX_SPAWN_SETSIGMASK,
  SIGSET_BYTES,
  SPAWN_ATTRIBUTES_BYTES,
  SYS_PIDFD_OPEN,
  X_OK,
} from "../os/libc.ts";
import { closeFd, readFd } from "../os/pipe.ts";
import { signalNumber } from "../os/signals.ts";
import { lineageMarkOf, withLineageMark } from "./lineage.ts";
import { type DescriptorSource, planDescriptorMoves } from "./descriptor_moves.ts";

/** An environment, or a part of one. */
export type Environment = readonly (readonly [name: string, value: string])[];

/** What to start. */
export interface Program {
  /** Absolute path; `PATH` is not searched. */
  readonly executable: string;
  /** `argv[0]` included. */
  readonly argv: readonly string[];
  /** Absolute. */
  readonly cwd: string;
  /** The whole environment, but for what a {@link Start} adds. */
  readonly env: Environment;
  /** 0 … 0o777. */
  readonly umask: number;
  /**
   * A program of the runtime's: it never sees SIGUSR1, at which the runtime, half a second after
   * its start, opens its debugger to everybody on the machine (and who is in there reads the raw
   * functions out of the seal's closures). It can send that to itself without a permission.
   * @default false
   */
  readonly noDebugger?: boolean;
}

/** What is of one start of a program alone. */
export interface Start {
  /** More environment. */
  readonly env: Environment;
  /** The child's descriptors; it gets no other. The sources stay open here. */
  readonly descriptors: readonly DescriptorSource[];
  /** See `lineage.ts`; null for none. */
  readonly mark: bigint | null;
}

/** A program and its only start. */
export interface SpawnRequest extends Program {
  /** The whole environment. With COX_RUN and COX_INSTANCE the child bears their mark too. */
  readonly env: Environment;
  /** See {@link Start}. */
  readonly descriptors: readonly DescriptorSource[];
}

/** What became of it. */
export type SpawnResult =
  /** `pidfd` becomes readable at the exit; the caller reaps and closes. */
  | { readonly kind: "spawned"; readonly pid: number; readonly pidfd: number }
  /** `path` is what was at fault: the executable, its interpreter, or the directory. */
  | { readonly kind: "failed"; readonly errno: string; readonly path: string };

/**
 * Starts a program and returns when its `execve` has succeeded or failed.
 *
 * The child leads a new session, has default dispositions for all signals and blocks none (but
 * for {@link Program.noDebugger}).
 *
 * @throws {SystemError} EBADF when a source is not open: our bug.
 * @throws {RangeError} when a descriptor is given twice.
 * @throws {TypeError} when a string contains a NUL.
 */
export function spawnProcess(request: SpawnRequest): SpawnResult {
  using spawner = new Spawner(request);
  const { env, descriptors } = request;
  return spawner.spawn({ env: [], descriptors, mark: lineageMarkOf(env) });
}

/**
 * Starts one program again and again, see {@link spawnProcess}: what does not change from one
 * start to the next is laid out for the C library once, because a restart waits for it.
 */
export class Spawner implements Disposable {
  readonly #program: Program;
  readonly #executable: Uint8Array<ArrayBuffer>;
  readonly #argv: Uint8Array<ArrayBuffer>;
  readonly #env: StringList;
  readonly #pid = new Int32Array(1);
  #actions: Uint8Array<ArrayBuffer> | null = null;
  /** What `#actions` were made for: the numbers are the same again most times. */
  #descriptors: readonly DescriptorSource[] = [];

  /** @throws {TypeError} when a string contains a NUL. */
  constructor(program: Program) {
    this.#program = program;
    this.#executable = cString(program.executable);
    this.#argv = stringTables(program.argv).tables[0]!;
    this.#env = new StringList(program.env.map(assignment));
  }

  /** Starts it, as {@link spawnProcess} does. */
  spawn({ env, descriptors, mark }: Start): SpawnResult {
    const table = this.#env.with(env.map(assignment));
    const actions = this.#actionsFor(descriptors);
    // Umask and limits belong to the whole process; nothing else happens on this thread
    // before they are set back.
    const ownUmask = libc().umask(this.#program.umask);
    let errno: number;
    try {
      errno = withLineageMark(
        mark,
        () =>
          libc().posix_spawn(
            this.#pid,
            this.#executable,
            actions,
            attributesFor(this.#program.noDebugger ?? false),
            this.#argv,
            table,
          ),
      );
    } finally {
      libc().umask(ownUmask);
    }
    return errno === 0 ? watched(this.#pid[0]!) : failure(errno, this.#program);
  }

  /** Gives memory of the C library's back; it can be used again all the same. */
  [Symbol.dispose](): void {
    if (this.#actions !== null) libc().posix_spawn_file_actions_destroy(this.#actions);
    this.#actions = null;
  }

  #actionsFor(descriptors: readonly DescriptorSource[]): Uint8Array<ArrayBuffer> {
    if (this.#actions !== null && sameDescriptors(descriptors, this.#descriptors)) {
      return this.#actions;
    }
    this[Symbol.dispose]();
    this.#descriptors = descriptors;
    return this.#actions = fileActions(descriptors, this.#program.cwd);
  }
}

function assignment([name, value]: readonly [name: string, value: string]): string {
  return `${name}=${value}`;
}

function sameDescriptors(
  some: readonly DescriptorSource[],
  others: readonly DescriptorSource[],
): boolean {
  return some.length === others.length &&
    some.every(({ fd, source }, at) => fd === others[at]!.fd && source === others[at]!.source);
}

function watched(pid: number): SpawnResult {
  const pidfd = Number(libc().syscall(SYS_PIDFD_OPEN, BigInt(pid), 0n, 0n));
  if (pidfd >= 0) return { kind: "spawned", pid, pidfd };
  const errno = errnoName(lastErrno());
  // Without a descriptor (EMFILE) its exit would never be seen: it must not go on. KILL
  // cannot be refused, so the wait is short.
  libc().kill(-pid, 9);
  libc().wait4(pid, new Int32Array(1), 0, null);
  return { kind: "failed", errno, path: `pidfd of ${pid}` };
}

function fileActions(
  descriptors: readonly DescriptorSource[],
  cwd: string,
): Uint8Array<ArrayBuffer> {
  const symbols = libc();
  const addCloseFrom = symbols.posix_spawn_file_actions_addclosefrom_np;
  if (addCloseFrom === null) {
    throw new Error(
      "Cannot spawn: this C library has no posix_spawn_file_actions_addclosefrom_np " +
        "(glibc 2.34 or later is needed), and without it descriptors would leak to children",
    );
  }
  const moves = planDescriptorMoves(descriptors);
  const actions = new Uint8Array(FILE_ACTIONS_BYTES);
  accepted(symbols.posix_spawn_file_actions_init(actions), "init");
  for (const [from, to] of moves.dup2) {
    accepted(symbols.posix_spawn_file_actions_adddup2(actions, from, to), "adddup2");
  }
  for (const fd of moves.close) {
    accepted(symbols.posix_spawn_file_actions_addclose(actions, fd), "addclose");
  }
  accepted(addCloseFrom(actions, moves.closeFrom), "addclosefrom_np");
  accepted(symbols.posix_spawn_file_actions_addchdir_np(actions, cString(cwd)), "addchdir_np");
  return actions;
}

/** These functions return their error number; only lack of memory is an honest one. */
function accepted(errno: number, action: string): void {
  if (errno !== 0) throw new SystemError(`posix_spawn_file_actions_${action}`, errno);
}

const sharedAttributes = new Map<boolean, Uint8Array<ArrayBuffer>>();

/** The same for every spawn, and read only by the C library: made once. */
function attributesFor(noDebugger: boolean): Uint8Array<ArrayBuffer> {
  const made = sharedAttributes.get(noDebugger);
  if (made !== undefined) return made;
  const bytes = new Uint8Array(SPAWN_ATTRIBUTES_BYTES);
  const all = new Uint8Array(SIGSET_BYTES).fill(0xff);
  const blocked = new Uint8Array(SIGSET_BYTES);
  if (noDebugger) {
    const bit = signalNumber("SIGUSR1")! - 1;
    blocked[bit >> 3]! |= 1 << (bit & 7);
  }
  const flags = POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  accepted(libc().posix_spawnattr_init(bytes), "attributes");
  accepted(libc().posix_spawnattr_setsigdefault(bytes, all), "setsigdefault");
  accepted(libc().posix_spawnattr_setsigmask(bytes, blocked), "setsigmask");
  accepted(libc().posix_spawnattr_setflags(bytes, flags), "setflags");
  sharedAttributes.set(noDebugger, bytes);
  return bytes;
}

/** `posix_spawn` gives one error for all its steps: look at what it may have been. */
function failure(errno: number, program: Program): SpawnResult {
  const name = errnoName(errno);
  if (name === "EBADF") throw new SystemError("posix_spawn (a descriptor to pass on)", errno);
  const { executable, cwd } = program;
  const cwdErrno = directoryErrno(cwd);
  if (cwdErrno === name) return { kind: "failed", errno: name, path: cwd };
  // ENOENT of a file that is there means the interpreter in its first line is not.
  const interpreter = name === "ENOENT" ? interpreterOf(executable) : null;
  return { kind: "failed", errno: name, path: interpreter ?? executable };
}

/** Why `chdir` to this directory fails; null when it does not. */
function directoryErrno(path: string): string | null {
  const fd = libc().open(cString(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  const errno = fd < 0 ? errnoName(lastErrno()) : null;
  if (fd >= 0) closeFd(fd);
  // Reading may be refused where entering is not, and the reverse.
  if (errno !== null && errno !== "EACCES") return errno;
  return libc().access(cString(path), X_OK) === 0 ? null : errnoName(lastErrno());
}

/** The program that a script's `#!` line names; null for anything else. */
function interpreterOf(executable: string): string | null {
  const fd = libc().open(cString(executable), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return null;
  // The kernel looks at 256 bytes too (BINPRM_BUF_SIZE).
  const head = new Uint8Array(256);
  try {
    const count = readFd(fd, head);
    if (typeof count !== "number") return null;
    const text = new TextDecoder().decode(head.subarray(0, count));
    return /^#![ \t]*([^ \t\n]+)/.exec(text)?.[1] ?? null;
  } finally {
    closeFd(fd);
  }
}
