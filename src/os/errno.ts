/**
 * Error numbers by name, and the error class of a refused system call.
 * Must not know: which calls exist.
 */
import { libc } from "./libc.ts";

/** asm-generic/errno-base.h and errno.h, from 1 on; `-` where a number has no name. */
const NAMES = (
  "EPERM ENOENT ESRCH EINTR EIO ENXIO E2BIG ENOEXEC EBADF ECHILD EAGAIN ENOMEM EACCES EFAULT " +
  "ENOTBLK EBUSY EEXIST EXDEV ENODEV ENOTDIR EISDIR EINVAL ENFILE EMFILE ENOTTY ETXTBSY EFBIG " +
  "ENOSPC ESPIPE EROFS EMLINK EPIPE EDOM ERANGE EDEADLK ENAMETOOLONG ENOLCK ENOSYS ENOTEMPTY " +
  "ELOOP - ENOMSG EIDRM ECHRNG EL2NSYNC EL3HLT EL3RST ELNRNG EUNATCH ENOCSI EL2HLT EBADE EBADR " +
  "EXFULL ENOANO EBADRQC EBADSLT - EBFONT ENOSTR ENODATA ETIME ENOSR ENONET ENOPKG EREMOTE " +
  "ENOLINK EADV ESRMNT ECOMM EPROTO EMULTIHOP EDOTDOT EBADMSG EOVERFLOW ENOTUNIQ EBADFD EREMCHG " +
  "ELIBACC ELIBBAD ELIBSCN ELIBMAX ELIBEXEC EILSEQ ERESTART ESTRPIPE EUSERS ENOTSOCK " +
  "EDESTADDRREQ EMSGSIZE EPROTOTYPE ENOPROTOOPT EPROTONOSUPPORT ESOCKTNOSUPPORT EOPNOTSUPP " +
  "EPFNOSUPPORT EAFNOSUPPORT EADDRINUSE EADDRNOTAVAIL ENETDOWN ENETUNREACH ENETRESET " +
  "ECONNABORTED ECONNRESET ENOBUFS EISCONN ENOTCONN ESHUTDOWN ETOOMANYREFS ETIMEDOUT " +
  "ECONNREFUSED EHOSTDOWN EHOSTUNREACH EALREADY EINPROGRESS ESTALE EUCLEAN ENOTNAM ENAVAIL " +
  "EISNAM EREMOTEIO EDQUOT ENOMEDIUM EMEDIUMTYPE ECANCELED ENOKEY EKEYEXPIRED EKEYREVOKED " +
  "EKEYREJECTED EOWNERDEAD ENOTRECOVERABLE ERFKILL EHWPOISON"
).split(" ");

/**
 * The name of an error number.
 *
 * @returns `ENOENT` …; `E999` for a number without a name.
 */
export function errnoName(errno: number): string {
  const name = NAMES[errno - 1];
  return name === undefined || name === "-" ? `E${errno}` : name;
}

let location: Int32Array | null = null;

/**
 * The error number of the C call just made on this thread. Call it before anything else.
 *
 * The place is per thread and fixed, and a module belongs to one thread: looking it up
 * once keeps every other call out of the way between a failure and this read.
 */
export function lastErrno(): number {
  if (location === null) {
    const pointer = libc().__errno_location();
    if (pointer === null) throw new Error("__errno_location() returned null");
    location = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 4));
  }
  return location[0]!;
}

/** A system call that the kernel refused. */
export class SystemError extends Error {
  /** `ENOENT` … */
  readonly errno: string;
  /** `open` … */
  readonly syscall: string;
  /** What the call was about, where it was a path. */
  readonly path: string | null;

  constructor(syscall: string, errno: number, path: string | null = null) {
    const name = errnoName(errno);
    super(`${syscall}${path === null ? "" : ` "${path}"`}: ${name}`);
    this.name = "SystemError";
    this.errno = name;
    this.syscall = syscall;
    this.path = path;
  }
}

/**
 * The result of a call that says failure with -1.
 *
 * @throws {SystemError} when it is negative.
 */
export function checked(result: number, syscall: string, path: string | null = null): number {
  if (result < 0) throw new SystemError(syscall, lastErrno(), path);
  return result;
}
