/** A duration in words. Pure. Must not know: of what. */

/** The same where parts of a millisecond matter: `0.08 ms`, `3.2 ms`, from 10 ms on as above. */
export function formatFineMs(ms: number): string {
  const digits = ms < 1 ? 2 : 1;
  return ms < 10 ? `${Number(ms.toFixed(digits))} ms` : formatMs(ms);
}

/** A duration for people: `3 ms`, `2.4 s`, `5 min 3 s`, `2 h 10 min`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const wholeSeconds = Math.round(seconds);
  if (wholeSeconds < 3600) return `${Math.floor(wholeSeconds / 60)} min ${wholeSeconds % 60} s`;
  const minutes = Math.floor(wholeSeconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
