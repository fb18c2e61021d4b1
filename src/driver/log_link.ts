/**
 * The supervisor's side of its link to `@log`: commands out, reports in. A new pair of
 * pipes per instance of `@log`. Must not know: terminals, the core.
 *
 * Writing never blocks the control loop: what the pipe does not take is kept up to
 * `PENDING_BYTES_MAX`, and events beyond that are counted instead of shown.
 */
import type { EventRecord } from "../audit/event_record.ts";
import { closeFd, createPipe, reopenPipe, writeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import type { LogCommand, LogReport } from "../system/log_protocol.ts";
import { LineReader } from "./line_reader.ts";

const COMMAND_PIPE_BYTES = 1 << 20;
const PENDING_BYTES_MAX = 4 << 20;
const REPORT_LINE_BYTES_MAX = 4096;
/** While the pipe is full we look again this often; an idle link costs nothing. */
const RETRY_MS = 50;

/** The descriptors that an instance of `@log` is to inherit. */
export interface LogLinkEnds {
  readonly commandsFd: number;
  readonly reportsFd: number;
}

/** One per supervisor. */
export class LogLink implements Disposable {
  readonly #reactor: Reactor;
  readonly #onReport: (report: LogReport) => void;
  readonly #encoder = new TextEncoder();
  #commandsFd: number | null = null;
  #reportsFd: number | null = null;
  #pending: Uint8Array<ArrayBuffer>[] = [];
  #pendingBytes = 0;
  #notShown = 0;
  #retry: ReturnType<typeof setTimeout> | null = null;

  constructor(reactor: Reactor, onReport: (report: LogReport) => void) {
    this.#reactor = reactor;
    this.#onReport = onReport;
  }

  /**
   * Makes the pipes for the next instance and lets go of the last one's.
   *
   * @returns the child's ends; the caller closes them after the spawn.
   */
  open(): LogLinkEnds {
    this.#close();
    const commands = createPipe({ capacityBytes: COMMAND_PIPE_BYTES });
    const reports = createPipe();
    this.#commandsFd = reopenPipe(commands.readFd, "write", { nonBlocking: true });
    this.#reportsFd = reopenPipe(reports.readFd, "read", { nonBlocking: true });
    closeFd(commands.writeFd);
    closeFd(reports.readFd);
    this.#watchReports(this.#reportsFd);
    return { commandsFd: commands.readFd, reportsFd: reports.writeFd };
  }

  /** Sends a command, now or when the pipe has room again. */
  send(command: LogCommand): void {
    if (this.#commandsFd === null) return;
    const bytes = this.#encoder.encode(JSON.stringify(command) + "\n");
    this.#pending.push(bytes);
    this.#pendingBytes += bytes.length;
    this.#push();
  }

  /** Shows an event; counted instead of shown when `@log` has fallen far behind. */
  show(record: EventRecord): void {
    if (this.#pendingBytes > PENDING_BYTES_MAX) {
      this.#notShown++;
      return;
    }
    this.send({ kind: "record", record });
  }

  /** Events that were not shown since the start. */
  get notShown(): number {
    return this.#notShown;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #push(): void {
    while (this.#commandsFd !== null) {
      const head = this.#pending[0];
      if (head === undefined) return;
      const count = writeFd(this.#commandsFd, head);
      if (count === "would-block") return this.#pushLater();
      if (count === "closed") return this.#close();
      this.#pendingBytes -= count;
      if (count === head.length) this.#pending.shift();
      else this.#pending[0] = head.subarray(count);
    }
  }

  #pushLater(): void {
    this.#retry ??= setTimeout(() => {
      this.#retry = null;
      this.#push();
    }, RETRY_MS);
  }

  #watchReports(fd: number): void {
    const reader = new LineReader(fd, REPORT_LINE_BYTES_MAX);
    this.#reactor.watch(fd, () => {
      const { lines, ended } = reader.read();
      for (const line of lines) {
        if (line !== "") this.#onReport(JSON.parse(line) as LogReport);
      }
      if (ended && this.#reportsFd === fd) this.#closeReports();
    });
  }

  #closeReports(): void {
    if (this.#reportsFd === null) return;
    this.#reactor.unwatch(this.#reportsFd);
    closeFd(this.#reportsFd);
    this.#reportsFd = null;
  }

  #close(): void {
    this.#closeReports();
    if (this.#commandsFd !== null) closeFd(this.#commandsFd);
    this.#commandsFd = null;
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#retry = null;
    this.#pending = [];
    this.#pendingBytes = 0;
  }
}
