/**
 * The one table of C library symbols, opened at first use. Owns `Deno.dlopen` and the
 * constants of the kernel's interface. Must not know: what a call is for.
 *
 * Numbers are those of `asm-generic`, which x86-64, arm64 and riscv64 share; where a
 * layout differs by architecture or C library, the constant says so. Several of these
 * functions are variadic in C: on Linux's 64-bit ABIs integers travel the same way.
 */

const SYMBOLS = {
  // Errors. glibc and musl both have it (Linux Standard Base, `__errno_location`).
  __errno_location: { parameters: [], result: "pointer" },
  // Descriptors and files.
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  pread: { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" },
  splice: {
    parameters: ["i32", "pointer", "i32", "pointer", "usize", "u32"],
    result: "isize",
  },
  tee: { parameters: ["i32", "i32", "usize", "u32"], result: "isize" },
  getpagesize: { parameters: [], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  fcntlOf: { name: "fcntl", parameters: ["i32", "i32", "buffer"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  mkdir: { parameters: ["buffer", "u32"], result: "i32" },
  rmdir: { parameters: ["buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  access: { parameters: ["buffer", "i32"], result: "i32" },
  readlink: { parameters: ["buffer", "buffer", "usize"], result: "isize" },
  chmod: { parameters: ["buffer", "u32"], result: "i32" },
  chown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  umask: { parameters: ["u32"], result: "u32" },
  // Memory that outlives a call: what a nonblocking call may touch.
  malloc: { parameters: ["usize"], result: "pointer" },
  free: { parameters: ["pointer"], result: "void" },
  madvise: { parameters: ["usize", "usize", "i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  mlock: { parameters: ["pointer", "usize"], result: "i32" },
  mlock2: { parameters: ["usize", "usize", "i32"], result: "i32" },
  memfd_create: { parameters: ["buffer", "u32"], result: "i32" },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  fallocate: { parameters: ["i32", "i32", "i64", "i64"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  // glibc alone.
  malloc_trim: { parameters: ["usize"], result: "i32", optional: true },
  // Waiting.
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "pointer", "i32", "i32"], result: "i32" },
  epollWaitInBackground: {
    name: "epoll_wait",
    parameters: ["i32", "pointer", "i32", "i32"],
    result: "i32",
    nonblocking: true,
  },
  writeInBackground: {
    name: "write",
    parameters: ["i32", "pointer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  signalfd: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32" },
  inotify_init1: { parameters: ["i32"], result: "i32" },
  inotify_add_watch: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  inotify_rm_watch: { parameters: ["i32", "i32"], result: "i32" },
  // Processes.
  posix_spawn: {
    parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"],
    result: "i32",
  },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addclose: { parameters: ["buffer", "i32"], result: "i32" },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  // glibc 2.34 and later; musl has none. `spawnProcess` refuses to run without it.
  posix_spawn_file_actions_addclosefrom_np: {
    parameters: ["buffer", "i32"],
    result: "i32",
    optional: true,
  },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  wait4: { parameters: ["i32", "buffer", "i32", "buffer"], result: "i32" },
  // `struct rlimit` is two 64-bit numbers on 64 bits.
  getrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
  getppid: { parameters: [], result: "i32" },
  // glibc 2.30, musl 1.2.0.
  gettid: { parameters: [], result: "i32" },
  getsid: { parameters: ["i32"], result: "i32" },
  dup2: { parameters: ["i32", "i32"], result: "i32" },
  setsid: { parameters: [], result: "i32" },
  execve: { parameters: ["buffer", "buffer", "buffer"], result: "i32" },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  signal: { parameters: ["i32", "usize"], result: "usize" },
  pthread_sigmask: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  syscall: { parameters: ["i64", "i64", "i64", "i64"], result: "i64" },
  // With something to read or write as the third argument.
  syscallWith: { name: "syscall", parameters: ["i64", "i32", "buffer", "usize"], result: "i64" },
  syscallOf: {
    name: "syscall",
    parameters: ["i64", "i64", "i64", "buffer"],
    result: "i64",
  },
  getdents64: {
    name: "syscall",
    parameters: ["i64", "i32", "buffer", "usize"],
    result: "i64",
  },
  // Sockets.
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  sendmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  recvmsg: { parameters: ["i32", "buffer", "i32"], result: "isize" },
  socketpair: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  // glibc 2.28, musl 1.2.3.
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The C library's functions, by name. */
export type Libc = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let opened: Libc | null = null;

/**
 * The C library of this process. Opened once and never closed.
 *
 * @throws {Error} when neither glibc nor musl can be opened.
 */
export function libc(): Libc {
  return opened ??= openLibc();
}

/** Each symbol is opened at its first use: a command needs a handful of the sixty. */
function openLibc(): Libc {
  const library = findLibrary();
  const symbols = {};
  for (const name of Object.keys(SYMBOLS) as (keyof typeof SYMBOLS)[]) {
    Object.defineProperty(symbols, name, {
      configurable: true,
      enumerable: true,
      get() {
        const value = openSymbol(library, name);
        Object.defineProperty(symbols, name, { value });
        return value;
      },
    });
  }
  return symbols as Libc;
}

/**
 * For a function whose parameters are all plain, the runtime compiles a trampoline: the compiler's
 * pages alone are 3 MB of a process, and each function takes it 0.15 ms. It does not where a
 * structure is among them (`is_compatible` in Deno's ext/ffi/turbocall.rs), so each function gets
 * one more parameter, which no C function looks at: it travels in a register or on the stack, both
 * the caller's to clean (System V on x86-64, AAPCS64, RISC-V). A call takes 0.2 µs longer.
 */
function openSymbol(library: string, name: keyof typeof SYMBOLS): unknown {
  const symbol: Deno.ForeignFunction = SYMBOLS[name];
  const parameters = [...symbol.parameters, ...(symbol.nonblocking === true ? [] : [UNUSED])];
  const call = Deno.dlopen(library, { [name]: { ...symbol, parameters } }).symbols[name];
  // An optional one that is not there is null.
  if (call === null || symbol.nonblocking === true) return call;
  return withUnused(call as ForeignCall, symbol.parameters.length);
}

const UNUSED = { struct: ["u8"] } as const;
const unused = new Uint8Array(1);

type ForeignCall = (...values: unknown[]) => unknown;

/** One for each number of parameters: a rest parameter would make an array of every call. */
function withUnused(call: ForeignCall, count: number): ForeignCall {
  switch (count) {
    case 0:
      return () => call(unused);
    case 1:
      return (a) => call(a, unused);
    case 2:
      return (a, b) => call(a, b, unused);
    case 3:
      return (a, b, c) => call(a, b, c, unused);
    case 4:
      return (a, b, c, d) => call(a, b, c, d, unused);
    case 5:
      return (a, b, c, d, e) => call(a, b, c, d, e, unused);
    case 6:
      return (a, b, c, d, e, f) => call(a, b, c, d, e, f, unused);
    default:
      throw new RangeError(`A C function has ${count} parameters, at most 6 are provided for`);
  }
}

/** @returns the name under which the dynamic linker finds the C library. */
function findLibrary(): string {
  const failures: string[] = [];
  for (const name of ["libc.so.6", `libc.musl-${Deno.build.arch}.so.1`]) {
    try {
      // No symbol: only whether it can be opened.
      Deno.dlopen(name, {}).close();
      return name;
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(`Cannot open the C library: ${failures.join("; ")}`);
}

/** asm-generic/fcntl.h. */
export const O_RDONLY = 0o0;
export const O_WRONLY = 0o1;
export const O_RDWR = 0o2;
export const O_CREAT = 0o100;
export const O_NONBLOCK = 0o4000;
export const O_ASYNC = 0o20000;
/** x86 has its own values for these two: arch/arm64/include/uapi/asm/fcntl.h swaps them. */
export const O_DIRECTORY = Deno.build.arch === "aarch64" ? 0o40000 : 0o200000;
export const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
export const O_CLOEXEC = 0o2000000;
export const F_SETFD = 2;
export const F_GETFD = 1;
export const F_GETFL = 3;
export const F_SETFL = 4;
export const F_SETOWN_EX = 15;
export const F_DUPFD_CLOEXEC = 1030;
export const F_SETPIPE_SZ = 1031;
export const F_GETPIPE_SZ = 1032;
export const FD_CLOEXEC = 1;
export const SPLICE_F_NONBLOCK = 2;
/** asm-generic/ioctls.h. */
export const FIONREAD = 0x541Bn;
export const TIOCOUTQ = 0x5411n;
/** sys/file.h. */
export const LOCK_EX = 2;
export const LOCK_NB = 4;
/** unistd.h. */
export const X_OK = 1;
/** linux/fcntl.h. */
export const F_ADD_SEALS = 1033;
export const F_SEAL_SEAL = 0x1;
export const F_SEAL_SHRINK = 0x2;
export const F_SEAL_GROW = 0x4;
/** linux/memfd.h. */
export const MFD_CLOEXEC = 0x1;
export const MFD_ALLOW_SEALING = 0x2;
/** Pages of 2 MiB (asm-generic/hugetlb_encode.h: 21 << 26). */
export const MFD_HUGETLB_2MB = 0x4 | 0x5400_0000;
/** unistd.h. */
export const SEEK_END = 2;
/** asm-generic/mman-common.h, linux/mman.h. */
export const PROT_READ = 0x1;
export const PROT_WRITE = 0x2;
export const MAP_SHARED = 0x1;
/** time.h. */
export const CLOCK_MONOTONIC = 1;
/** asm-generic/mman-common.h. */
export const MADV_DONTNEED = 4;
/** linux/fcntl.h. */
export const AT_FDCWD = -100;
export const AT_SYMLINK_NOFOLLOW = 0x100;
/** linux/stat.h: type, mode, owner, group and inode; and `struct statx`, the same everywhere. */
export const STATX_IDENTITY = 0x11b;
export const STATX_BYTES = 256;

/** sys/epoll.h. */
export const EPOLL_CLOEXEC = O_CLOEXEC;
export const EPOLL_CTL_ADD = 1;
export const EPOLL_CTL_DEL = 2;
export const EPOLL_CTL_MOD = 3;
export const EPOLLIN = 0x01;
export const EPOLLOUT = 0x04;
export const EPOLLERR = 0x08;
export const EPOLLHUP = 0x10;
export const EPOLLET = 0x8000_0000;
/** `struct epoll_event` is packed on x86-64 alone (EPOLL_PACKED). */
export const EPOLL_EVENT_BYTES = Deno.build.arch === "x86_64" ? 12 : 16;
export const EPOLL_EVENT_DATA_OFFSET = Deno.build.arch === "x86_64" ? 4 : 8;
/** poll.h: `struct pollfd` is an int and two shorts. */
export const POLLOUT = 0x4;
export const POLLFD_BYTES = 8;
/** sys/inotify.h. */
export const IN_CLOEXEC = O_CLOEXEC;
export const IN_NONBLOCK = O_NONBLOCK;
export const IN_ACCESS = 0x1;
export const IN_MODIFY = 0x2;
export const IN_Q_OVERFLOW = 0x4000;
export const IN_ONESHOT = 0x8000_0000;
/** sys/eventfd.h. */
export const EFD_CLOEXEC = O_CLOEXEC;
export const EFD_NONBLOCK = O_NONBLOCK;
/** sys/signalfd.h; `struct signalfd_siginfo`. */
export const SFD_CLOEXEC = O_CLOEXEC;
export const SFD_NONBLOCK = O_NONBLOCK;
export const SIGNALFD_BYTES = 128;

/** spawn.h. `SETSID` is 0x80 in glibc and musl. */
export const POSIX_SPAWN_SETSIGDEF = 0x04;
export const POSIX_SPAWN_SETSIGMASK = 0x08;
export const POSIX_SPAWN_SETSID = 0x80;
/** `posix_spawn_file_actions_t` is 80 bytes in glibc and musl on 64 bits; with room. */
export const FILE_ACTIONS_BYTES = 128;
/** `posix_spawnattr_t` is 336 bytes in glibc and musl on 64 bits; with room. */
export const SPAWN_ATTRIBUTES_BYTES = 512;
/** `sigset_t` of glibc and musl: 1024 bits. */
export const SIGSET_BYTES = 128;
export const SIG_BLOCK = 0;
export const SIG_SETMASK = 2;
export const SIG_DFL = 0n;

/** sys/wait.h. */
export const WNOHANG = 1;
/** `struct rusage`: two timevals of two 64-bit numbers, then fourteen longs. */
export const RUSAGE_BYTES = 144;

/** asm-generic/resource.h; glibc's and musl's RLIM_INFINITY on 64 bits. */
export const RLIMIT_LOCKS = 10;
export const RLIM_INFINITY = 0xffff_ffff_ffff_ffffn;

/** linux/prctl.h. */
export const PR_SET_PDEATHSIG = 1;
export const PR_SET_CHILD_SUBREAPER = 36;
/** System calls added after 5.0 have one number everywhere. */
export const SYS_PIDFD_OPEN = 434n;
export const SYS_CLOSE_RANGE = 436n;
export const SYS_PIDFD_GETFD = 438n;
export const CLOSE_RANGE_CLOEXEC = 4n;
/** The older ones do not: arch/x86/entry/syscalls/syscall_64.tbl, asm-generic/unistd.h. */
export const SYS_GETDENTS64 = Deno.build.arch === "x86_64" ? 217n : 61n;

/** bits/socket.h, asm-generic/socket.h. */
export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
/** linux/netlink.h, linux/sock_diag.h. */
export const NETLINK_SOCK_DIAG = 4;
export const SOCK_STREAM = 1;
export const SOCK_DGRAM = 2;
export const SOCK_SEQPACKET = 5;
export const SOCK_CLOEXEC = O_CLOEXEC;
export const SOCK_NONBLOCK = O_NONBLOCK;
export const SOCK_RAW = 3;
export const SOL_SOCKET = 1;
export const SO_REUSEADDR = 2;
export const SO_SNDBUF = 7;
export const SO_PASSCRED = 16;
export const SO_PEERCRED = 17;
/** Linux 6.5. */
export const SO_PEERPIDFD = 77;
export const SHUT_RDWR = 2;
/** netinet/in.h. */
export const IPPROTO_TCP = 6;
export const TCP_INFO = 11;
export const IPPROTO_IPV6 = 41;
export const IPV6_V6ONLY = 26;
export const SCM_RIGHTS = 1;
export const SCM_CREDENTIALS = 2;
export const MSG_TRUNC = 0x20;
export const MSG_CTRUNC = 0x08;
export const MSG_DONTWAIT = 0x40;
export const MSG_NOSIGNAL = 0x4000;
export const MSG_CMSG_CLOEXEC = 0x40000000;
