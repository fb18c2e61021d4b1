/**
 * Reads what the event log wrote, when the supervisor that wrote it is gone: the events of the last
 * run, as far as the two files go. Must not know: what the events say.
 */
import type { EventRecord } from "./event_record.ts";

/** What the files hold of the last run. */
export interface ReadEvents {
  /** In order. */
  readonly events: readonly EventRecord[];
  /** Lines that are no event: a supervisor was killed, or a disk was full, while they were written. */
  readonly torn: number;
}

/**
 * Reads the events of a run directory.
 *
 * @param path of the newer file; the older one is `<path>.1`, where there is one.
 * @throws {Deno.errors.NotFound} there is no such file.
 */
export async function readEventFile(path: string): Promise<ReadEvents> {
  const newer = await Deno.readTextFile(path);
  return lastRun(await readIfThere(`${path}.1`) + newer);
}

/** The events of the last run in a text of lines: each run begins with number 1. Pure. */
export function lastRun(text: string): ReadEvents {
  let events: EventRecord[] = [];
  let torn = 0;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const event = parseEvent(line);
    if (event === null) {
      torn++;
      continue;
    }
    if (event.seq <= (events.at(-1)?.seq ?? 0)) {
      events = [];
      torn = 0;
    }
    events.push(event);
  }
  return { events, torn };
}

function parseEvent(line: string): EventRecord | null {
  let value: Partial<EventRecord> | null;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  const isEvent = typeof value?.seq === "number" && typeof value.monoNs === "number" &&
    typeof value.wall === "string" && typeof value.event === "string";
  return isEvent ? value as EventRecord : null;
}

async function readIfThere(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
