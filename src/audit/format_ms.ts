/** A duration in words. Pure. Must not know: of what. */

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
