/**
 * Which functions of the C library `@relay` uses once it has begun. Each is opened at its first
 * use, for which the permission has to be there: so they are touched before it is given up.
 * Must not know: what they are used for.
 */
import { lastErrno } from "../../os/errno.ts";
import { libc } from "../../os/libc.ts";

/** Opens them. @throws {Error} when the C library has not got one. */
export function openForeignFunctions(): void {
  const c = libc();
  const functions = [
    c.pipe2,
    c.open,
    c.close,
    c.read,
    c.write,
    c.tee,
    c.splice,
    c.fcntl,
    c.ioctl,
    c.poll,
    c.epoll_ctl,
    c.epoll_wait,
    c.clock_gettime,
    c.sendmsg,
    c.recvmsg,
    c.inotify_init1,
    c.inotify_add_watch,
    c.inotify_rm_watch,
  ];
  if (functions.some((call) => typeof call !== "function")) {
    throw new Error("The C library lacks a function");
  }
  // Its place in memory is looked up once, too.
  lastErrno();
}
