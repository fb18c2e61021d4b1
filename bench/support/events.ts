/** The event log of a crew, as far as benchmarks count in it. */
import type { EventRecord } from "../../src/audit/event_record.ts";

/** Misses by name of the process; each counts for as many as it tells of together. */
export async function missesByProcess(eventsPath: string): Promise<ReadonlyMap<string, number>> {
  const misses = new Map<string, number>();
  for (const line of (await Deno.readTextFile(eventsPath)).split("\n")) {
    if (line === "") continue;
    const event = JSON.parse(line) as EventRecord;
    if (event.event !== "deadline" || event.kind !== "miss") continue;
    misses.set(event.process, (misses.get(event.process) ?? 0) + event.count);
  }
  return misses;
}
