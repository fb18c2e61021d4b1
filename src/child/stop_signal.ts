/**
 * The request to stop as an AbortSignal. Owns the listeners for SIGTERM and SIGINT.
 * Must not know: what the program does about it.
 */

let controller: AbortController | null = null;

/**
 * Takes over SIGTERM and SIGINT: instead of ending the program they abort the returned
 * signal. From the first call on, ending in time is the program's duty; after its
 * `stop.timeout` the supervisor kills it.
 *
 * Every call returns the same signal. The listeners do not keep the program alive and
 * need no permission. The abort reason is the signal's name.
 *
 * @returns a signal that aborts at the first SIGTERM or SIGINT.
 *
 * @example
 * ```ts
 * import { stopSignal } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * const stop = stopSignal();
 * while (!stop.aborted) {
 *   // … one piece of work …
 *   break;
 * }
 * assertEquals(stop, stopSignal());
 * ```
 */
export function stopSignal(): AbortSignal {
  if (controller === null) {
    const created = controller = new AbortController();
    for (const name of ["SIGTERM", "SIGINT"] as const) {
      Deno.addSignalListener(name, () => created.abort(name));
    }
  }
  return controller.signal;
}
