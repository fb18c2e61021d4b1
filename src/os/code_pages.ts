/**
 * The pages of program code that this process has mapped. The kernel maps sixteen around each that
 * is used, and those of the start stay for good: of 18 MiB a quarter is used again. They belong to
 * the page cache, which is shared; to let go of them costs those that are needed a fault each.
 * Must not know: when.
 */
import { checked } from "./errno.ts";
import { readSmallFile } from "./file.ts";
import { libc, MADV_DONTNEED } from "./libc.ts";

/** linux/mman.h. */
const MLOCK_ONFAULT = 1;

/** Where a mapping lies. */
export interface MemoryRange {
  readonly address: bigint;
  readonly sizeBytes: bigint;
}

/**
 * The mappings of code that are as their file is. One with a page of our own (a debugger's
 * breakpoint, a relocation) is not among them: that page would be lost. Nor is one that is locked:
 * it stays.
 *
 * @param smaps the text of `/proc/self/smaps`: proc_pid_smaps(5).
 */
export function cleanCodeRanges(smaps: string): MemoryRange[] {
  const mappings = smaps.matchAll(
    /^([0-9a-f]+)-([0-9a-f]+) r-xp \S+ \S+ [1-9]\d* .*\n((?:[A-Z]\w+:.*\n)+)/gm,
  );
  return [...mappings].flatMap(([, from, to, fields]) => {
    if (!/^Anonymous: +0 kB$/m.test(fields!) || /^VmFlags:.* lo\b/m.test(fields!)) return [];
    const address = BigInt(`0x${from}`);
    return [{ address, sizeBytes: BigInt(`0x${to}`) - address }];
  });
}

/** Finds this process's own. @throws {SystemError} when `/proc` cannot be read. */
export function ownCodeRanges(): MemoryRange[] {
  return cleanCodeRanges(readSmallFile("/proc/self/smaps") ?? "");
}

/**
 * Lets go of the pages; the next use of one brings it back.
 *
 * @param ranges From {@link ownCodeRanges}, and nothing else: any other memory would be lost.
 * @throws {SystemError} EINVAL, which is our bug.
 */
export function releaseCode(ranges: readonly MemoryRange[]): void {
  for (const { address, sizeBytes } of ranges) {
    checked(libc().madvise(address, sizeBytes, MADV_DONTNEED), "madvise");
  }
}

/**
 * Keeps pages in RAM, each from its next use on. They are the page cache's: whoever runs the same
 * program finds them there too. The heap cannot be kept like this (mlockall(2)): V8 gives memory
 * back by madvise(2), which the kernel refuses of locked memory, and the runtime ends at once.
 *
 * @param ranges From {@link ownCodeRanges}.
 * @returns How much, bytes.
 * @throws {SystemError} EPERM, ENOMEM: RLIMIT_MEMLOCK, without CAP_IPC_LOCK.
 */
export function lockCode(ranges: readonly MemoryRange[]): number {
  let locked = 0n;
  for (const { address, sizeBytes } of ranges) {
    checked(libc().mlock2(address, sizeBytes, MLOCK_ONFAULT), "mlock2");
    locked += sizeBytes;
  }
  return Number(locked);
}
