/**
 * The event log: numbers and stamps each event, keeps the newest, appends them to
 * `<runDir>/events.jsonl` and tells followers. Must not know: where events come from.
 *
 * Adding an event is cheap, for it may stand between an exit and the next spawn: lines are
 * made, told and written by `flush`, once a turn of the control loop, so that an exit storm
 * costs one write. The file is rotated once, to `events.jsonl.1`.
 */
import type { EventBody, EventRecord } from "./event_record.ts";

/** What the log needs from outside. */
export interface EventLogOptions {
  /** Absolute path of the JSON-lines file. */
  readonly path: string;
  /** Newest events kept in memory. */
  readonly keptMax: number;
  /** Rotate at this size. */
  readonly fileBytesMax: number;
  /** Nanoseconds since the supervisor started. */
  readonly nowNs: () => number;
  /** RFC 3339 wall-clock time. */
  readonly wall: () => string;
}

/** Called with each event, in order, and its line of JSON without the line's end. */
export type Follower = (record: EventRecord, line: string) => void;

/** One per supervisor. */
export class EventLog implements Disposable {
  readonly #options: EventLogOptions;
  readonly #kept: EventRecord[] = [];
  readonly #followers = new Set<Follower>();
  readonly #encoder = new TextEncoder();
  /** Appended since the last flush. */
  #fresh: EventRecord[] = [];
  #file: Deno.FsFile;
  #fileBytes: number;
  #seq = 0;

  /** @throws {Error} when the file cannot be opened for appending. */
  constructor(options: EventLogOptions) {
    this.#options = options;
    this.#file = openAppend(options.path);
    this.#fileBytes = this.#file.statSync().size;
  }

  /** Number of the newest event; 0 before the first. */
  get seq(): number {
    return this.#seq;
  }

  /**
   * Adds one event. Does not block: it reaches the file and the followers at the next
   * {@link flush}.
   *
   * @returns the event with its number and stamps.
   */
  append(body: EventBody): EventRecord {
    this.#seq++;
    const record: EventRecord = {
      seq: this.#seq,
      monoNs: this.#options.nowNs(),
      wall: this.#options.wall(),
      ...body,
    };
    this.#kept.push(record);
    // Trim in blocks: removing one from the front of a full array at each append is quadratic.
    if (this.#kept.length > this.#options.keptMax * 1.25) {
      this.#kept.splice(0, this.#kept.length - this.#options.keptMax);
    }
    this.#fresh.push(record);
    return record;
  }

  /** The kept events with a number of at least `since`, oldest first. */
  since(since: number): readonly EventRecord[] {
    const first = this.#kept[0]?.seq ?? 1;
    return this.#kept.slice(Math.max(0, since - first));
  }

  /**
   * Calls `follower` with each later event until the returned function is called. Those that
   * {@link since} gives by now are not among them.
   */
  follow(follower: Follower): () => void {
    const first = this.#seq + 1;
    const later: Follower = (record, line) => {
      if (record.seq >= first) follower(record, line);
    };
    this.#followers.add(later);
    return () => this.#followers.delete(later);
  }

  /**
   * Tells the followers of what was gathered, and writes it.
   *
   * @returns null, or what went wrong: a full disk must not end a supervisor.
   */
  flush(): Error | null {
    if (this.#fresh.length === 0) return null;
    let text = "";
    for (const record of this.#fresh.splice(0)) {
      const line = JSON.stringify(record);
      text += line + "\n";
      for (const follower of this.#followers) follower(record, line);
    }
    return this.#write(this.#encoder.encode(text));
  }

  [Symbol.dispose](): void {
    this.flush();
    this.#file.close();
  }

  #write(bytes: Uint8Array<ArrayBuffer>): Error | null {
    try {
      if (this.#fileBytes + bytes.length > this.#options.fileBytesMax) this.#rotate();
      for (let at = 0; at < bytes.length;) at += this.#file.writeSync(bytes.subarray(at));
      this.#fileBytes += bytes.length;
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #rotate(): void {
    // The old file stays in use until the new one is there.
    Deno.renameSync(this.#options.path, `${this.#options.path}.1`);
    const file = openAppend(this.#options.path);
    this.#file.close();
    this.#file = file;
    this.#fileBytes = 0;
  }
}

function openAppend(path: string): Deno.FsFile {
  return Deno.openSync(path, { append: true, create: true, mode: 0o600 });
}
