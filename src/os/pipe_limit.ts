/**
 * How large this process may make a pipe. Asks the kernel for it, because whether a limit counts
 * is a matter of capabilities, user namespaces and the container. Must not know: what for.
 */
import { readSmallFile } from "./file.ts";
import { closeFd, createPipe, growPipe } from "./pipe.ts";

const LIMIT_PATH = "/proc/sys/fs/pipe-max-size";
/** Of a kernel that does not say (pipe(7)). */
const USUAL_BYTES = 1 << 20;
/** The largest argument of F_SETPIPE_SZ that is a power of two. */
const LARGEST_BYTES = 2 ** 30;

/**
 * Bytes that one pipe of ours may hold at most.
 *
 * @returns null when the limit of `/proc/sys/fs/pipe-max-size` does not count for us.
 * @throws {SystemError} EMFILE, ENFILE.
 */
export function pipeBytesMax(): number | null {
  const limit = Number(readSmallFile(LIMIT_PATH) ?? USUAL_BYTES);
  if (limit >= LARGEST_BYTES) return null;
  const { readFd, writeFd } = createPipe();
  try {
    // A power of two above the limit; an empty pipe costs 40 bytes a page.
    return growPipe(readFd, 2 ** Math.floor(Math.log2(limit) + 1)) ? null : limit;
  } finally {
    closeFd(readFd);
    closeFd(writeFd);
  }
}
