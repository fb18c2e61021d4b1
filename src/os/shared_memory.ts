/**
 * Memory that processes share and that outlives each of them: a file without a name, of a size
 * that nobody can change any more. Must not know: what is in it.
 *
 * ```
 *  memfd ──fchmod──► 0600 ──ftruncate──► size ──fallocate──► pages ──F_ADD_SEALS──► sealed
 * ```
 *
 * A memfd is born with mode 0777: without the change whoever has a descriptor to read it by could
 * open it again through /proc, for writing.
 *
 * Sealed against shrinking, because whoever touches a page that another has cut off is killed
 * (SIGBUS), and allocated at once, because so is whoever touches one that cannot be had.
 */
import { cString } from "./c_string.ts";
import { checked, lastErrno, SystemError } from "./errno.ts";
import {
  F_ADD_SEALS,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  libc,
  MAP_SHARED,
  MFD_ALLOW_SEALING,
  MFD_CLOEXEC,
  MFD_HUGETLB_2MB,
  PROT_READ,
  PROT_WRITE,
  SEEK_END,
} from "./libc.ts";
import { closeFd } from "./pipe.ts";

/** MAP_FAILED of sys/mman.h, as an address. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

const HUGE_PAGE_BYTES = 2 ** 21;

/** One piece of shared memory. */
export interface SharedMemory {
  /** Close-on-exec; hand it over, or close it: the mapping stays. */
  readonly fd: number;
  /** Mapped for the life of this process; zeros at first. */
  readonly buffer: ArrayBuffer;
}

/** How shared memory is made. */
export interface SharedMemoryOptions {
  /** How much of it is mapped here. @default all */
  readonly mappedBytes?: number;
  /** In pages of 2 MiB, which have to be set aside; it is as large as so many of them. */
  readonly hugePages?: boolean;
}

/**
 * Makes shared memory and maps it. Its own user alone can open it again.
 *
 * @param name shown in `/proc/P/maps`, for people.
 * @param bytes at least 1.
 * @throws {SystemError} EMFILE, ENFILE; ENOSPC, ENOMEM when there is no such memory.
 */
export function createSharedMemory(
  name: string,
  bytes: number,
  options: SharedMemoryOptions = {},
): SharedMemory {
  const { mappedBytes = bytes, hugePages = false } = options;
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING | (hugePages ? MFD_HUGETLB_2MB : 0);
  const size = hugePages ? Math.ceil(bytes / HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES : bytes;
  const fd = checked(libc().memfd_create(cString(name), flags), "memfd_create", name);
  try {
    checked(libc().fchmod(fd, 0o600), "fchmod");
    checked(libc().ftruncate(fd, BigInt(size)), "ftruncate");
    checked(libc().fallocate(fd, 0, 0n, BigInt(size)), "fallocate");
    const seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    checked(libc().fcntl(fd, F_ADD_SEALS, seals), "fcntl(F_ADD_SEALS)");
    return { fd, buffer: mapped(fd, mappedBytes).buffer };
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/**
 * Maps the whole of shared memory that was handed over, for reading and writing and for the life
 * of this process; the descriptor may be closed after it.
 *
 * @throws {SystemError} EBADF, EACCES, EINVAL: it is no such memory, or is empty.
 */
export function mapSharedMemory(fd: number): ArrayBuffer {
  return mapped(fd, checked(Number(libc().lseek(fd, 0n, SEEK_END)), "lseek")).buffer;
}

/**
 * Keeps shared memory from being swapped out, for the life of this process.
 *
 * @throws {SystemError} ENOMEM, EPERM: this user may not lock so much (RLIMIT_MEMLOCK).
 */
export function lockSharedMemory(fd: number, bytes: number): void {
  const { start } = mapped(fd, bytes);
  checked(libc().mlock(start, BigInt(bytes)), "mlock");
}

function mapped(
  fd: number,
  bytes: number,
): { readonly buffer: ArrayBuffer; readonly start: Deno.PointerObject } {
  const access = PROT_READ | PROT_WRITE;
  const pointer = libc().mmap(null, BigInt(bytes), access, MAP_SHARED, fd, 0n);
  if (pointer === null || BigInt(Deno.UnsafePointer.value(pointer)) === MAP_FAILED) {
    throw new SystemError("mmap", lastErrno());
  }
  return { buffer: Deno.UnsafePointerView.getArrayBuffer(pointer, bytes), start: pointer };
}
