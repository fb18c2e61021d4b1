/**
 * What runs before the first line of a sealed program: it maps its memory, makes the few calls that
 * go with it, takes from it what would lead out of its sandbox, gives the permission for foreign
 * functions up, and hands over what is harmless. Owns how pointers and the library are kept from the
 * program.
 *
 * The text of these functions is the preload (`seal_text.ts`): each refers to nothing but its
 * parameters, what is global, and the other functions here. They are called in a program whose
 * globals are still the runtime's own. What they leave behind is called when they may not be any
 * more, and so names no global and no property of anything that the program can reach:
 *
 * - numbers are checked by `typeof` and operators; what is no number has no effect;
 * - pointers are in arrays of which only indices are read that are there, so that no getter on
 *   `Array.prototype` is ever asked; descriptors are in typed arrays, which ask none;
 * - nothing throws, and all is strict code: no call site has the functions to show.
 *
 * Must not know: what is in the memory.
 */
import type {
  ConsumerRequest,
  MemoryRequest,
  ProducerRequest,
  SealedConsumer,
  SealedMemory,
  SealedProducer,
  SegmentRequest,
} from "./sealed_memory.ts";

/** A mapped piece of memory; never leaves the preload as such. */
interface Mapping {
  readonly buffer: ArrayBuffer;
  readonly start: Deno.PointerObject;
}

type Calls = ReturnType<typeof openCalls>;

/** The C library that the runtime itself runs on: this name is the loaded one's, wherever it is. */
export function openLibrary() {
  try {
    return Deno.dlopen(
      "libc.so.6",
      {
        mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
        close: { parameters: ["i32"], result: "i32" },
        fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
        errnoLocation: { name: "__errno_location", parameters: [], result: "pointer" },
        // 32-bit numbers and pointers alone: a 64-bit number doubles the time of a call.
        clockGettime: {
          name: "clock_gettime",
          parameters: ["i32", "pointer"],
          result: "i32",
        },
        clockNanosleep: {
          name: "clock_nanosleep",
          parameters: ["i32", "i32", "pointer", "pointer"],
          result: "i32",
        },
        syscall: {
          parameters: ["i32", "pointer", "i32", "i32", "pointer", "pointer", "i32"],
          result: "i32",
        },
        write: { parameters: ["i32", "pointer", "i32"], result: "i32" },
        prctl: { parameters: ["i32", "usize", "usize", "usize", "usize"], result: "i32" },
        seccomp: {
          name: "syscall",
          parameters: ["i32", "u32", "u32", "buffer"],
          result: "i32",
        },
      } as const,
    );
  } catch (cause) {
    throw new Error("cox: memory for a sealed program takes glibc (libc.so.6)", { cause });
  }
}

/** Maps memory for the life of the process. @param fd -1: memory of its own */
export function mapMemory(
  symbols: ReturnType<typeof openLibrary>["symbols"],
  { fd, bytes, access, what }: SegmentRequest,
): Mapping {
  const [PROT_READ, PROT_WRITE, MAP_SHARED, MAP_PRIVATE, MAP_ANONYMOUS] = [1, 2, 1, 2, 32];
  const protection = access === "read" ? PROT_READ : PROT_READ | PROT_WRITE;
  const flags = fd === -1 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
  const errno = new Deno.UnsafePointerView(symbols.errnoLocation()!);
  const start = symbols.mmap(null, BigInt(bytes), protection, flags, fd, 0n);
  if (start === null || BigInt(Deno.UnsafePointer.value(start)) === 2n ** 64n - 1n) {
    throw new Error(`cox: cannot map ${what}: errno ${errno.getInt32()}`);
  }
  return { buffer: Deno.UnsafePointerView.getArrayBuffer(start, bytes), start };
}

/** The calls, over a page of their own that nobody else has. */
export function openCalls(symbols: ReturnType<typeof openLibrary>["symbols"]) {
  const { syscall, clockGettime, clockNanosleep, write } = symbols;
  const [FUTEX_WAIT, FUTEX_WAKE, CLOCK_MONOTONIC, TIMER_ABSTIME] = [0, 1, 1, 1];
  const [SECOND_NS, SLEEP_NS_MAX, EVERYBODY] = [1e9, 86_400e9, 0x7fff_ffff];
  const SYS_FUTEX = Deno.build.arch === "x86_64" ? 202 : 98;
  const page = mapMemory(symbols, { fd: -1, bytes: 4096, access: "read-write", what: "a page" });
  // Two `struct timespec`, of which the upper halves stay 0, and a byte.
  const words = new Uint32Array(page.buffer);
  const now = page.start;
  const timeout = Deno.UnsafePointer.offset(page.start, 16);
  const byte = Deno.UnsafePointer.offset(page.start, 32);
  return {
    nowNs() {
      clockGettime(CLOCK_MONOTONIC, now);
      return words[0]! * SECOND_NS + words[2]!;
    },
    wait(word: Deno.PointerObject, seen: unknown, timeoutNs: unknown) {
      if (typeof seen !== "number" || typeof timeoutNs !== "number" || !(timeoutNs > 0)) return;
      const ns = timeoutNs < SLEEP_NS_MAX ? timeoutNs : SLEEP_NS_MAX;
      const rest = ns % SECOND_NS;
      words[4] = (ns - rest) / SECOND_NS;
      words[6] = rest;
      syscall(SYS_FUTEX, word, FUTEX_WAIT, seen | 0, timeout, null, 0);
    },
    sleepUntil(atNs: unknown) {
      if (typeof atNs !== "number" || !(atNs > 0)) return;
      // Of Infinity both words become 0: it returns at once.
      const rest = atNs % SECOND_NS;
      words[4] = (atNs - rest) / SECOND_NS;
      words[6] = rest;
      clockNanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, timeout, null);
    },
    wake(word: Deno.PointerObject) {
      syscall(SYS_FUTEX, word, FUTEX_WAKE, EVERYBODY, null, null, 0);
    },
    ring(fd: number) {
      write(fd, byte, 1);
    },
  };
}

/** The producer's part. */
export function producerMemory(
  request: ProducerRequest,
  segments: readonly Mapping[],
  { wait, wake, ring, nowNs }: Calls,
): SealedProducer {
  const at = (index: number, offset: number) =>
    Deno.UnsafePointer.offset(segments[index]!.start, offset)!;
  const bell = at(request.samples, request.bellOffset);
  const bells = request.consumers.map((index) => at(index, request.consumerBellOffset));
  const doorbells = new Int32Array(request.doorbellFds);
  const count = bells.length;
  const isNumber = (consumer: unknown): consumer is number =>
    typeof consumer === "number" && consumer >= 0 && consumer < count && consumer % 1 === 0;
  return {
    role: "producer",
    port: request.port,
    samples: segments[request.samples]!.buffer,
    consumers: request.consumers.map((index) => segments[index]!.buffer),
    calls: {
      waitForConsumer(consumer, seen, timeoutNs) {
        if (isNumber(consumer)) wait(bells[consumer]!, seen, timeoutNs);
      },
      wakeConsumers() {
        wake(bell);
      },
      ring(consumer) {
        if (isNumber(consumer)) ring(doorbells[consumer]!);
      },
      nowNs,
    },
  };
}

/** A consumer's part. */
export function consumerMemory(
  request: ConsumerRequest,
  segments: readonly Mapping[],
  { wait, wake, nowNs }: Calls,
): SealedConsumer {
  const at = (index: number, offset: number) =>
    Deno.UnsafePointer.offset(segments[index]!.start, offset)!;
  const bell = at(request.samples, request.bellOffset);
  const ownBell = at(request.own, request.consumerBellOffset);
  return {
    role: "consumer",
    port: request.port,
    samples: segments[request.samples]!.buffer,
    own: segments[request.own]!.buffer,
    calls: {
      waitForBell(seen, timeoutNs) {
        wait(bell, seen, timeoutNs);
      },
      wakeProducer() {
        wake(ownBell);
      },
      nowNs,
    },
  };
}

/**
 * Takes the system calls that make symbolic links from all threads, for good: they fail with EPERM
 * (seccomp(2)). So do all calls of another machine's numbering.
 *
 * @throws {Error} when the kernel does not.
 */
export function refuseSymlinks(symbols: ReturnType<typeof openLibrary>["symbols"]): void {
  const isX86 = Deno.build.arch === "x86_64";
  // symlink and symlinkat; arm64 has the second alone.
  const [AUDIT_ARCH, SYS_SECCOMP, calls] = isX86
    ? [0xc000_003e, 317, [88, 266]] as const
    : [0xc000_00b7, 277, [36]] as const;
  const [LOAD, IF_EQUAL, IF_AT_LEAST, RETURN] = [0x20, 0x15, 0x35, 0x06];
  const [NUMBER_AT, ARCH_AT, X32_FROM, ALLOW, REFUSE] = [0, 4, 0x4000_0000, 0x7fff_0000, 0x5_0001];
  // Each: code, how far to jump if it holds, and if not, and the operand. The last is to refuse.
  const tests = [...calls.map((call) => [IF_EQUAL, call]), [IF_AT_LEAST, X32_FROM]];
  const program = [
    [LOAD, 0, 0, ARCH_AT],
    [IF_EQUAL, 0, tests.length + 2, AUDIT_ARCH],
    [LOAD, 0, 0, NUMBER_AT],
    ...tests.map(([code, operand], at) => [code, tests.length - at, 0, operand]),
    [RETURN, 0, 0, ALLOW],
    [RETURN, 0, 0, REFUSE],
  ] as [number, number, number, number][];
  // struct sock_fprog, how many and where, and behind it what it speaks of.
  const head = 16;
  const filter = new DataView(new ArrayBuffer(head + 8 * program.length));
  const start = BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(filter)));
  filter.setUint16(0, program.length, true);
  filter.setBigUint64(8, start + BigInt(head), true);
  for (const [at, [code, yes, no, operand]] of program.entries()) {
    filter.setUint16(head + 8 * at, code, true);
    filter.setUint8(head + 8 * at + 2, yes);
    filter.setUint8(head + 8 * at + 3, no);
    filter.setUint32(head + 8 * at + 4, operand, true);
  }
  // Found before: what is done between a call and the look at it may set it as well.
  const errno = new Deno.UnsafePointerView(symbols.errnoLocation()!);
  const [PR_SET_NO_NEW_PRIVS, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC] = [38, 1, 1];
  const refused = symbols.prctl(PR_SET_NO_NEW_PRIVS, 1n, 0n, 0n, 0n) !== 0 ||
    symbols.seccomp(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, filter) !== 0;
  if (!refused) return;
  throw new Error(
    `cox: symbolic links cannot be taken from this program: errno ${errno.getInt32()}`,
  );
}

/**
 * Gives the permission up and makes sure of it.
 *
 * @throws {Error} when the runtime still has it: the program must not begin.
 */
export async function giveUp(): Promise<void> {
  await Deno.permissions.revoke({ name: "ffi" });
  let refused = false;
  try {
    Deno.UnsafePointer.create(1n);
  } catch (error) {
    refused = error instanceof Deno.errors.NotCapable;
  }
  const { state } = Deno.permissions.querySync({ name: "ffi" });
  if (!refused || state === "granted") {
    throw new Error("cox: the permission for foreign functions could not be given up");
  }
}

/**
 * Maps, gives up, hands over.
 *
 * @throws {Error} which ends the process before the program begins.
 */
export async function seal(request: MemoryRequest): Promise<SealedMemory> {
  const library = openLibrary();
  const { symbols } = library;
  const [F_SETFD, FD_CLOEXEC] = [2, 1];
  for (const fd of request.closeOnExec) symbols.fcntl(fd, F_SETFD, FD_CLOEXEC);
  if (request.refusesSymlinks) refuseSymlinks(symbols);
  const calls = openCalls(symbols);
  const segments = request.segments.map((segment) => mapMemory(symbols, segment));
  for (const { fd } of request.segments) symbols.close(fd);
  const mailboxes = request.mailboxes.map((mailbox) =>
    mailbox.role === "producer"
      ? producerMemory(mailbox, segments, calls)
      : consumerMemory(mailbox, segments, calls)
  );
  const pulse = request.pulse === null ? null : { buffer: segments[request.pulse]!.buffer };
  // The runtime's list of resources has no library in it then; the functions stay.
  library.close();
  await giveUp();
  return { nowNs: calls.nowNs, sleepUntil: calls.sleepUntil, mailboxes, pulse };
}
