/**
 * What the supervisor and `@log` say to each other: JSON lines both ways, and the marker
 * in a captured stream. Data and pure formatting. Must not know: either side.
 *
 * ```
 *  supervisor ──fd 0: LogCommand lines──► @log ──fd 3: LogReport lines──► supervisor
 *  process ──stdout, stderr──► capture pipe ──fd n──► @log ──fd 1──► terminal
 * ```
 */
import type { EventRecord } from "../audit/event_record.ts";

/** Descriptor of `@log` on which commands come. */
export const LOG_COMMANDS_FD = 0;
/** Descriptor of `@log` on which reports leave. */
export const LOG_REPORTS_FD = 3;

/** One captured stream and the descriptor on which `@log` inherited it. */
export interface LogCapture {
  readonly fd: number;
  readonly process: string;
  readonly stream: "stdout" | "stderr";
}

/** From the supervisor. */
export type LogCommand =
  /** First, once per instance of `@log`: what to read and how to show it. */
  | {
    readonly kind: "hello";
    readonly color: boolean;
    /** Unguessable; without line breaks. See {@link captureMarker}. */
    readonly token: string;
    readonly captures: readonly LogCapture[];
    /** Longest process name, in characters. */
    readonly nameWidth: number;
  }
  /**
   * Report the first line of this instance that matches. The pattern is an ECMAScript
   * regular expression (flag u) on the line without escape sequences and without its end.
   */
  | {
    readonly kind: "watch";
    readonly process: string;
    readonly instance: number;
    readonly stream: "stdout" | "stderr";
    readonly pattern: string;
  }
  /** Show this event, where it is one that people want to see. */
  | { readonly kind: "record"; readonly record: EventRecord }
  /** Read what is left, show it and exit. The end of the commands means the same. */
  | { readonly kind: "drain" };

/** To the supervisor. */
export type LogReport = {
  readonly kind: "matched";
  readonly process: string;
  readonly instance: number;
};

/** What every marker begins with. */
export function markerPrefix(token: string): string {
  return `\0cox ${token} `;
}

/**
 * The line that the supervisor writes into a capture pipe before a spawn. It may follow an
 * unfinished line of the instance before, and then ends it.
 *
 * @param token of the `hello`: a program that does not know it cannot forge a marker.
 * @param instance whose output follows.
 */
export function captureMarker(token: string, instance: number): string {
  return `${markerPrefix(token)}${instance}\n`;
}
