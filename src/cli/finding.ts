/** What `cox doctor` says of one thing that it looked at. Must not know: what that is. */

/** One thing that was looked at. */
export interface Finding {
  readonly name: string;
  /** broken: cox cannot run here. */
  readonly status: "ok" | "lost" | "broken";
  /** What was found. */
  readonly detail: string;
  /** What does not work without it; null when nothing is missing. */
  readonly consequence: string | null;
}

/** It is there. */
export function ok(name: string, detail: string): Finding {
  return { name, status: "ok", detail, consequence: null };
}

/** It is not there, and cox runs without it. */
export function lost(name: string, detail: string, consequence: string): Finding {
  return { name, status: "lost", detail, consequence };
}

/** It is not there, and cox cannot run. */
export function broken(name: string, detail: string, consequence: string): Finding {
  return { name, status: "broken", detail, consequence };
}
