/** Crews with time contracts, and what their events say. */
import type { DeadlineEvent } from "../../../src/audit/deadline_event.ts";
import type { EventRecord } from "../../../src/audit/event_record.ts";
import type { TestCrew } from "../../support/crew.ts";

/**
 * A limit that a busy machine does not reach by keeping a process off its cores for a while: only
 * what a test does makes it pass.
 */
export const PATIENT = "1.5s";
export const PATIENT_MS = 1500;

/** A program that gives signs over its notification socket until it is told to hang. */
export const BEATING = `
import os, signal, socket, sys, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.connect(os.environ["NOTIFY_SOCKET"])
hung = False
def hang(*_):
    global hung
    hung = True
signal.signal(signal.SIGUSR1, hang)
s.send(b"READY=1")
while True:
    if not hung: s.send(b"WATCHDOG=1")
    time.sleep(0.02)
`;

/** The configuration of one such process, and what else the crew has. */
export function beatingCrew(deadlines: string, more = "", process = ""): string {
  return `
import { command, defineConfig } from "coxswain";
export default defineConfig({
  name: "beating",
  processes: {
    beater: {
      run: command(["python3", "-c", ${JSON.stringify(BEATING)}]),
      ready: { by: "notify", within: "10s" },
      stop: { timeout: "2s" },
      deadlines: ${deadlines},
      ${process}
    },
  },
  ${more}
});`;
}

/** The misses that were told of, in order. */
export function missesOf(crew: TestCrew): (EventRecord & DeadlineEvent)[] {
  return crew.events().filter((event): event is EventRecord & DeadlineEvent =>
    event.event === "deadline" && event.kind === "miss"
  );
}

/** Events of a kind. */
export function eventsOf<K extends EventRecord["event"]>(
  crew: TestCrew,
  kind: K,
): Extract<EventRecord, { event: K }>[] {
  return crew.events().filter((event): event is Extract<EventRecord, { event: K }> =>
    event.event === kind
  );
}
