/** The baseline for memory: a Deno process that waits and does nothing else. */
setInterval(() => {}, 2 ** 30);
