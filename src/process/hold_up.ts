/**
 * Whether something outside keeps a process from running: a signal that has stopped it, a debugger.
 * Must not know: what it is late for.
 */
import { readSmallFile } from "../os/file.ts";

/** What keeps it; the tracer's pid for a debugger. */
export type HoldUp =
  | { readonly kind: "stopped" }
  | { readonly kind: "debugged"; readonly tracer: number };

/**
 * Looks at `/proc/P/status`, about 20 µs.
 *
 * @returns null when nothing does, or it has gone.
 */
export function holdUpOf(pid: number): HoldUp | null {
  const text = readSmallFile(`/proc/${pid}/status`);
  return text === null ? null : parseHoldUp(text);
}

/** The same of the text of such a file. */
export function parseHoldUp(text: string): HoldUp | null {
  const tracer = Number(/^TracerPid:\t(\d+)$/m.exec(text)?.[1] ?? 0);
  // `t` is "tracing stop"; one that is traced runs as its tracer lets it.
  if (tracer > 0) return { kind: "debugged", tracer };
  return /^State:\tT /m.test(text) ? { kind: "stopped" } : null;
}
