/**
 * Small kernel files (`/proc`, `/sys/fs/cgroup`) and directories by plain system calls.
 * Deno guards `/proc` and `/sys` with every permission at once; the supervisor reaches
 * them through the C library and needs no permission on files for it.
 * Must not know: what the files say.
 */
import { cString } from "./c_string.ts";
import { checked, errnoName, lastErrno, SystemError } from "./errno.ts";
import { libc, O_CLOEXEC, O_DIRECTORY, O_RDONLY, O_WRONLY, SYS_GETDENTS64 } from "./libc.ts";
import { closeFd, readFd, writeFd } from "./pipe.ts";

/** Longest file read here; an environment block may be larger and is cut there. */
const FILE_BYTES_MAX = 4 << 20;
const CHUNK_BYTES = 64 << 10;
const decoder = new TextDecoder();
const chunk = new Uint8Array(CHUNK_BYTES);

/** What a missing file or a process that has just gone answers. */
const GONE: readonly string[] = ["ENOENT", "ESRCH", "ENOTDIR", "ENODEV"];

/**
 * Reads a small file as text.
 *
 * @returns null when there is no such file, or its process has gone.
 * @throws {SystemError} for any other refusal (EACCES, EMFILE …).
 */
export function readSmallFile(path: string): string | null {
  const fd = openOrGone(path, O_RDONLY | O_CLOEXEC);
  if (fd === null) return null;
  try {
    let text = "";
    for (let bytes = 0; bytes < FILE_BYTES_MAX;) {
      const count = readFd(fd, chunk);
      if (count === "would-block") throw new SystemError("read", 11, path);
      if (count === 0) break;
      bytes += count;
      text += decoder.decode(chunk.subarray(0, count), { stream: true });
    }
    return text + decoder.decode();
  } catch (error) {
    decoder.decode();
    if (error instanceof SystemError && GONE.includes(error.errno)) return null;
    throw error;
  } finally {
    closeFd(fd);
  }
}

/**
 * A small kernel file that is asked again and again: kept open, it answers in a third of the
 * time that its path takes to be looked up.
 */
export class KernelFile implements Disposable {
  readonly #fd: number;
  readonly #start = new Uint8Array(4096);
  #closed = false;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Opens it.
   *
   * @returns null when there is no such file, or its process has gone.
   * @throws {SystemError} for any other refusal.
   */
  static open(path: string): KernelFile | null {
    const fd = openOrGone(path, O_RDONLY | O_CLOEXEC);
    return fd === null ? null : new KernelFile(fd);
  }

  /**
   * What it says now.
   *
   * @returns its first 4 KiB; null when it cannot be read, as when its process has gone.
   */
  read(): string | null {
    const size = BigInt(this.#start.length);
    const count = Number(libc().pread(this.#fd, this.#start, size, 0n));
    return count < 0 ? null : decoder.decode(this.#start.subarray(0, count));
  }

  /** Closes it. Idempotent. */
  [Symbol.dispose](): void {
    if (!this.#closed) closeFd(this.#fd);
    this.#closed = true;
  }
}

/**
 * Writes text to a kernel file in one call.
 *
 * @returns null, or the name of the error: `ENOENT`, `ESRCH`, `EBUSY` … A refusal is an
 * ordinary answer of these files.
 */
export function writeSmallFile(path: string, text: string): string | null {
  const fd = libc().open(cString(path), O_WRONLY | O_CLOEXEC, 0);
  if (fd < 0) return errnoName(lastErrno());
  try {
    writeFd(fd, new TextEncoder().encode(text));
    return null;
  } catch (error) {
    if (error instanceof SystemError) return error.errno;
    throw error;
  } finally {
    closeFd(fd);
  }
}

/**
 * Like {@link writeSmallFile}, but the write itself runs on another thread: moving a
 * process between cgroups may wait 20 ms for a grace period of the kernel.
 *
 * @returns false when the kernel refused; the error number stays on the other thread.
 * @throws {SystemError} when the file cannot be opened.
 */
export async function writeSmallFileInBackground(path: string, text: string): Promise<boolean> {
  const bytes = new TextEncoder().encode(text);
  const fd = checked(libc().open(cString(path), O_WRONLY | O_CLOEXEC, 0), "open", path);
  const memory = libc().malloc(BigInt(bytes.length));
  if (memory === null) throw new Error(`malloc(${bytes.length}) failed`);
  new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(memory, bytes.length)).set(bytes);
  try {
    const count = await libc().writeInBackground(fd, memory, BigInt(bytes.length));
    return Number(count) === bytes.length;
  } finally {
    libc().free(memory);
    closeFd(fd);
  }
}

/** One entry of a directory. */
export interface DirectoryEntry {
  readonly name: string;
  readonly isDirectory: boolean;
}

const DT_DIR = 4;
/** `struct linux_dirent64`: u64 inode, s64 offset, u16 length, u8 type, then the name. */
const DIRENT_LENGTH_OFFSET = 16;
const DIRENT_TYPE_OFFSET = 18;
const DIRENT_NAME_OFFSET = 19;

/**
 * Lists a directory, without `.` and `..`.
 *
 * @returns null when it does not exist, or went while it was read, as that of a process
 * that ends does.
 * @throws {SystemError} for any other refusal.
 */
export function listDirectory(path: string): DirectoryEntry[] | null {
  const fd = openOrGone(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd === null) return null;
  const entries: DirectoryEntry[] = [];
  const buffer = new Uint8Array(CHUNK_BYTES);
  const view = new DataView(buffer.buffer);
  try {
    for (;;) {
      const size = BigInt(buffer.length);
      const bytes = Number(libc().getdents64(SYS_GETDENTS64, fd, buffer, size));
      if (bytes < 0) {
        const errno = lastErrno();
        if (GONE.includes(errnoName(errno))) return null;
        throw new SystemError("getdents64", errno, path);
      }
      if (bytes === 0) return entries;
      for (let at = 0; at < bytes; at += view.getUint16(at + DIRENT_LENGTH_OFFSET, true)) {
        const nameAt = at + DIRENT_NAME_OFFSET;
        const name = decoder.decode(buffer.subarray(nameAt, buffer.indexOf(0, nameAt)));
        if (name === "." || name === "..") continue;
        entries.push({ name, isDirectory: buffer[at + DIRENT_TYPE_OFFSET] === DT_DIR });
      }
    }
  } finally {
    closeFd(fd);
  }
}

/**
 * Makes a directory.
 *
 * @returns null, or the name of the error: `EEXIST`, `EROFS`, `EACCES` …
 */
export function makeDirectory(path: string, mode: number): string | null {
  return libc().mkdir(cString(path), mode) === 0 ? null : errnoName(lastErrno());
}

/**
 * Removes an empty directory.
 *
 * @returns null, or the name of the error: `ENOENT`, `EBUSY`, `ENOTEMPTY` …
 */
export function removeDirectory(path: string): string | null {
  return libc().rmdir(cString(path)) === 0 ? null : errnoName(lastErrno());
}

/**
 * Removes a file or socket.
 *
 * @returns null, or the name of the error.
 */
export function removeFile(path: string): string | null {
  return libc().unlink(cString(path)) === 0 ? null : errnoName(lastErrno());
}

/**
 * Where a symbolic link points: `/proc/P/fd/1` says `pipe:[inode]`.
 *
 * @returns null when it cannot be read: no such link, gone, or not allowed.
 */
export function linkTarget(path: string): string | null {
  const buffer = new Uint8Array(4096);
  const count = Number(libc().readlink(cString(path), buffer, BigInt(buffer.length)));
  return count < 0 ? null : decoder.decode(buffer.subarray(0, count));
}

function openOrGone(path: string, flags: number): number | null {
  const fd = libc().open(cString(path), flags, 0);
  if (fd >= 0) return fd;
  const errno = lastErrno();
  if (GONE.includes(errnoName(errno))) return null;
  throw new SystemError("open", errno, path);
}
