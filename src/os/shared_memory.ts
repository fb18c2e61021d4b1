/**
 * Memory that processes share and that outlives each of them: a file without a name, of a size
 * that nobody can change any more. Must not know: what is in it.
 *
 * ```
 *  memfd ──ftruncate──► size ──fallocate──► pages ──F_ADD_SEALS──► sealed ──mmap──► ArrayBuffer
 * ```
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
  PROT_READ,
  PROT_WRITE,
  SEEK_END,
} from "./libc.ts";
import { closeFd } from "./pipe.ts";

/** MAP_FAILED of sys/mman.h, as an address. */
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** One piece of shared memory. */
export interface SharedMemory {
  /** Close-on-exec; hand it over, or close it: the mapping stays. */
  readonly fd: number;
  /** Mapped for the life of this process; zeros at first. */
  readonly buffer: ArrayBuffer;
}

/**
 * Makes shared memory and maps it.
 *
 * @param name shown in `/proc/P/maps`, for people.
 * @param bytes at least 1.
 * @throws {SystemError} EMFILE, ENFILE; ENOSPC, ENOMEM when there is no such memory.
 */
export function createSharedMemory(name: string, bytes: number): SharedMemory {
  const flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const fd = checked(libc().memfd_create(cString(name), flags), "memfd_create", name);
  try {
    checked(libc().ftruncate(fd, BigInt(bytes)), "ftruncate");
    checked(libc().fallocate(fd, 0, 0n, BigInt(bytes)), "fallocate");
    const seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    checked(libc().fcntl(fd, F_ADD_SEALS, seals), "fcntl(F_ADD_SEALS)");
    return { fd, buffer: mapSharedMemory(fd) };
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
  const bytes = checked(Number(libc().lseek(fd, 0n, SEEK_END)), "lseek");
  const access = PROT_READ | PROT_WRITE;
  const pointer = libc().mmap(null, BigInt(bytes), access, MAP_SHARED, fd, 0n);
  if (pointer === null || BigInt(Deno.UnsafePointer.value(pointer)) === MAP_FAILED) {
    throw new SystemError("mmap", lastErrno());
  }
  return Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
}
