/**
 * Turns the supervisor's own signals into shutdown requests. Must not know: the core.
 */

/** A terminal, `deno task` and npm may each pass on one Ctrl-C: nobody presses it this fast. */
const SAME_PRESS_NS = 250e6;

/** The signals that end the crew: Ctrl-C, kill, a closed terminal, Ctrl-\. */
const SHUTDOWN_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"] as const;

/**
 * Calls `onShutdown` at each of SIGINT, SIGTERM, SIGHUP and SIGQUIT; several within a
 * quarter of a second count as one, so that a Ctrl-C that arrives twice does not hasten.
 *
 * @returns a function that stops listening.
 */
export function listenForShutdown(
  nowNs: () => number,
  onShutdown: (signal: string) => void,
): () => void {
  let lastNs = -Infinity;
  const listeners = SHUTDOWN_SIGNALS.map((signal) => {
    const listener = () => {
      const now = nowNs();
      if (now - lastNs < SAME_PRESS_NS) return;
      lastNs = now;
      onShutdown(signal);
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return () => {
    for (const { signal, listener } of listeners) Deno.removeSignalListener(signal, listener);
  };
}
