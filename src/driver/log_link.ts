/**
 * The supervisor's side of its link to `@log`: commands out, reports in. A new pair of
 * pipes per instance of `@log`. Must not know: terminals, the core.
 *
 * Commands are gathered and written once a turn of the control loop. Writing never blocks
 * it: what the pipe does not take is kept, and events beyond `PENDING_SIZE_MAX` are counted
 * instead of shown.
 */
import { closeFd, createPipe, reopenPipe, writeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import type { LogCommand, LogReport } from "../system/log_protocol.ts";
import { LineReader } from "./line_reader.ts";

const COMMAND_PIPE_BYTES = 1 << 20;
/** Of what is kept: characters not yet encoded, bytes not yet taken. */
const PENDING_SIZE_MAX = 4 << 20;
const REPORT_LINE_BYTES_MAX = 4096;
/** While the pipe is full we look again this often; an idle link costs nothing. */
const RETRY_MS = 50;

const NOTHING = new Uint8Array(0);

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
  /** Lines gathered since the last push. */
  #gathered = "";
  /** Encoded, and not yet taken by the pipe. */
  #rest: Uint8Array<ArrayBuffer> = NOTHING;
  #notShown = 0;
  #pushIsDue = false;
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

  /** Sends a command, at the end of this turn or when the pipe has room again. */
  send(command: LogCommand): void {
    this.#gather(JSON.stringify(command));
  }

  /**
   * Shows an event; counted instead of shown when `@log` has fallen far behind.
   *
   * @param record the event's JSON.
   */
  show(record: string): void {
    if (this.#gathered.length + this.#rest.length > PENDING_SIZE_MAX) {
      this.#notShown++;
      return;
    }
    this.#gather(`{"kind":"record","record":${record}}`);
  }

  /** Events that were not shown since the start. */
  get notShown(): number {
    return this.#notShown;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  #gather(line: string): void {
    if (this.#commandsFd === null) return;
    this.#gathered += line + "\n";
    if (this.#pushIsDue) return;
    this.#pushIsDue = true;
    queueMicrotask(() => {
      this.#pushIsDue = false;
      // While the pipe is full it is the retry's turn.
      if (this.#retry === null) this.#push();
    });
  }

  #push(): void {
    while (this.#commandsFd !== null) {
      if (this.#rest.length === 0) {
        if (this.#gathered === "") return;
        this.#rest = this.#encoder.encode(this.#gathered);
        this.#gathered = "";
      }
      const count = writeFd(this.#commandsFd, this.#rest);
      if (count === "would-block") return this.#pushLater();
      if (count === "closed") return this.#close();
      this.#rest = this.#rest.subarray(count);
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
    this.#gathered = "";
    this.#rest = NOTHING;
  }
}
