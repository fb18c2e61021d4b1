/** bench/results.json: the last measurement of each bench, from which the README's table is made. */
import type { Row } from "../row.ts";
import type { Machine } from "./machine.ts";

/** The file's content. */
export interface Results {
  readonly machine: Machine;
  /** RFC 3339, UTC; of the last run. */
  readonly at: string;
  /** Rows by the bench's name. */
  readonly benches: Readonly<Record<string, readonly Row[]>>;
}

const FILE = new URL("../results.json", import.meta.url);

/** The kept results; null before the first run. */
export function readResults(): Results | null {
  try {
    return JSON.parse(Deno.readTextFileSync(FILE)) as Results;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** Keeps the results. */
export function writeResults(results: Results): void {
  Deno.writeTextFileSync(FILE, JSON.stringify(results, null, 2) + "\n");
}
