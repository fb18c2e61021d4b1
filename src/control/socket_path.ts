/** How long a socket's path may be. Pure. Must not know: sockets. */

/** Longest path that fits `sun_path` with its terminating NUL: unix(7). */
export const SOCKET_PATH_BYTES_MAX = 107;
