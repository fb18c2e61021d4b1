/**
 * Sleeping on a word of shared memory and waking those who do (futex(2)), the clock that goes with
 * it, and mappings of which the address is known. Owns a library handle of its own: these calls
 * are made a million times a second, so they have the trampolines that `libc.ts` avoids.
 * Must not know: what a word means.
 *
 * Numbers and pointers only: a 64-bit number among the parameters doubles the time of a call.
 */
import { cString } from "./c_string.ts";
import { checked, lastErrno, SystemError } from "./errno.ts";
import { libc, MAP_SHARED, O_CLOEXEC, O_RDONLY, PROT_READ } from "./libc.ts";

/** linux/futex.h. Not FUTEX_PRIVATE_FLAG: other processes sleep on the same page. */
const FUTEX_WAIT = 0;
const FUTEX_WAKE = 1;
/** asm-generic/unistd.h, and x86-64's own table. */
const SYS_FUTEX = Deno.build.arch === "x86_64" ? 202 : 98;
const CLOCK_MONOTONIC = 1;
const ALL = 0x7fff_ffff;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;
const SECOND_NS = 1e9;
/** A sleep without an end is one of a day, again and again. */
const SLEEP_NS_MAX = 86_400 * SECOND_NS;

const SYMBOLS = {
  syscall: {
    parameters: ["i32", "pointer", "i32", "i32", "pointer", "pointer", "i32"],
    result: "i32",
  },
  clock_gettime: { parameters: ["i32", "pointer"], result: "i32" },
  write: { parameters: ["i32", "pointer", "i32"], result: "i32" },
} as const;

/** The calls, with the memory that they need. One for a thread. */
export interface FutexCalls {
  /** CLOCK_MONOTONIC, nanoseconds; exact to 2 ns from 104 days of uptime on. */
  nowNs(): number;
  /** Sleeps while the word is `seen`; returns early for any reason. */
  wait(word: Deno.PointerObject, seen: number, timeoutNs: number): void;
  /** Wakes all who sleep on the word. */
  wake(word: Deno.PointerObject): void;
  /** Writes one byte to a descriptor that does not block; it does not matter whether it fits. */
  ring(fd: number): void;
}

/**
 * Opens the calls.
 *
 * @throws {Error} when the C library cannot be opened.
 */
export function openFutex(): FutexCalls {
  const { symbols } = Deno.dlopen("libc.so.6", SYMBOLS);
  const { syscall, clock_gettime: clockGettime, write } = symbols;
  // Two `struct timespec` and a byte; never freed, as it is used for the life of the process.
  const memory = libc().malloc(64n);
  if (memory === null) throw new SystemError("malloc", lastErrno());
  const words = new Uint32Array(Deno.UnsafePointerView.getArrayBuffer(memory, 64));
  // What malloc gives is not empty, and the upper halves of the 64-bit numbers are never written.
  words.fill(0);
  const timeout = Deno.UnsafePointer.offset(memory, 16);
  const byte = Deno.UnsafePointer.offset(memory, 32);
  const floor = Math.floor;
  return {
    nowNs() {
      clockGettime(CLOCK_MONOTONIC, memory);
      return words[0]! * SECOND_NS + words[2]!;
    },
    wait(word, seen, timeoutNs) {
      const ns = timeoutNs < SLEEP_NS_MAX ? timeoutNs : SLEEP_NS_MAX;
      words[4] = floor(ns / SECOND_NS);
      words[6] = ns % SECOND_NS;
      syscall(SYS_FUTEX, word, FUTEX_WAIT, seen, timeout, null, 0);
    },
    wake(word) {
      syscall(SYS_FUTEX, word, FUTEX_WAKE, ALL, null, null, 0);
    },
    ring(fd) {
      write(fd, byte, 1);
    },
  };
}

/**
 * Where an ArrayBuffer that is mapped memory lies.
 *
 * @throws {TypeError} for one that V8 owns and may move.
 */
export function wordPointer(buffer: ArrayBuffer, offsetBytes: number): Deno.PointerObject {
  const base = Deno.UnsafePointer.of(new Uint8Array(buffer));
  const pointer = base === null ? null : Deno.UnsafePointer.offset(base, offsetBytes);
  if (pointer === null) throw new TypeError("Cannot take the address of an empty buffer");
  return pointer;
}

/**
 * Opens shared memory once more, for reading alone.
 *
 * @returns a new descriptor, close-on-exec.
 * @throws {SystemError} EMFILE, ENFILE; EACCES: its mode does not allow it.
 */
export function reopenReadOnly(fd: number): number {
  const path = `/proc/self/fd/${fd}`;
  return checked(libc().open(cString(path), O_RDONLY | O_CLOEXEC, 0), "open", path);
}

/**
 * Maps shared memory for reading, for the life of this process: a write to it ends the process.
 *
 * @throws {SystemError} EBADF, EACCES, EINVAL.
 */
export function mapReadOnly(fd: number, bytes: number): ArrayBuffer {
  const pointer = libc().mmap(null, BigInt(bytes), PROT_READ, MAP_SHARED, fd, 0n);
  if (pointer === null || BigInt(Deno.UnsafePointer.value(pointer)) === MAP_FAILED) {
    throw new SystemError("mmap", lastErrno());
  }
  return Deno.UnsafePointerView.getArrayBuffer(pointer, bytes);
}
