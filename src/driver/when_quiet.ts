/**
 * After the start: most of what it took to load and begin is never used again. Owns the moment at
 * which it is given back. Must not know: how, or what the crew does.
 */

/** Without an event for this long the start is over, and nobody waits for us. */
const QUIET_MS = 3_000;

/**
 * Calls `act` once, when `count` has stood still: what takes milliseconds of the control loop is
 * not to come between an exit and a restart.
 *
 * @param count Grows with every event.
 * @param options.quietMs how long it must stand still. @default 3000
 */
export function whenQuiet(
  count: () => number,
  act: () => void,
  options: { readonly quietMs?: number } = {},
): void {
  const before = count();
  setTimeout(() => {
    if (count() === before) act();
    else whenQuiet(count, act, options);
  }, options.quietMs ?? QUIET_MS);
}
