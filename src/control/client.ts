/**
 * The control client: typed calls to a running supervisor, and its events.
 * Owns one connection. Must not know: the command line, how answers are shown.
 */
import type { EventRecord } from "../audit/event_record.ts";
import { ControlError } from "./control_error.ts";
import { formatRequest, parseAnswer } from "./json_rpc.ts";
import { LineSplitter } from "./line_splitter.ts";
import type { MethodName } from "./params.ts";
import type { ControlMethods } from "./protocol.ts";

/** Longest answer accepted: a snapshot of thousands of processes and all kept events fit. */
const ANSWER_BYTES_MAX = 64 << 20;
/** Events held for a consumer that does not keep up; more and the iteration fails. */
const EVENTS_HELD_MAX = 100_000;
/** How long a call may take when nothing else is said. */
const CALL_TIMEOUT_MS = 10_000;

/** No supervisor listens on the run directory. */
export class NoSupervisorError extends Error {
  override readonly name = "NoSupervisorError";
}

/** The socket belongs to somebody else, the peer is silent, or its answers make no sense. */
export class ControlConnectionError extends Error {
  override readonly name = "ControlConnectionError";
}

/** How to connect. */
export interface ConnectOptions {
  /**
   * What the supervisor runs, for the error's text.
   * @default the socket's path
   */
  readonly label?: string;
}

/**
 * Connects to the supervisor that listens on `path`.
 *
 * @param path of the control socket.
 * @throws {NoSupervisorError} nobody listens there.
 * @throws {ControlConnectionError} the socket is neither ours nor root's.
 */
export async function connectControl(
  path: string,
  options: ConnectOptions = {},
): Promise<ControlClient> {
  const label = options.label ?? path;
  checkOwner(path, label);
  try {
    return new ControlClient(await Deno.connect({ transport: "unix", path }));
  } catch (error) {
    if (isNobodyThere(error)) throw nobody(label);
    throw new ControlConnectionError(`Cannot connect to ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: ReturnType<typeof setTimeout> | null;
}

/** One connection to a supervisor. Calls may overlap. */
export class ControlClient implements Disposable {
  /** Resolves when the supervisor closed the connection, or {@link close} was called. */
  readonly closed: Promise<void>;
  readonly #conn: Deno.UnixConn;
  readonly #pending = new Map<number, Pending>();
  #events: EventRecord[] = [];
  #eventsOverflowed = false;
  #wakeEvents: (() => void) | null = null;
  #nextId = 1;
  #end: Error | null = null;
  #writing: Promise<void> = Promise.resolve();

  /** @param conn connected; the client closes it. */
  constructor(conn: Deno.UnixConn) {
    this.#conn = conn;
    this.closed = this.#readAll();
  }

  /**
   * Calls one method.
   *
   * @param options.timeoutMs give up after this long; null: never. @default 10000
   * @returns the result as the protocol says.
   * @throws {ControlError} the supervisor refused; `code` and `data` say why.
   * @throws {ControlConnectionError} no answer in time, or the connection ended.
   */
  call<M extends MethodName>(
    method: M,
    params: ControlMethods[M]["params"],
    options: { readonly timeoutMs?: number | null } = {},
  ): Promise<ControlMethods[M]["result"]> {
    if (this.#end !== null) return Promise.reject(this.#end);
    const id = this.#nextId++;
    const timeoutMs = options.timeoutMs === undefined ? CALL_TIMEOUT_MS : options.timeoutMs;
    return new Promise((resolve, reject) => {
      const timer = timeoutMs === null ? null : setTimeout(() => {
        this.#pending.delete(id);
        reject(new ControlConnectionError(`no answer to "${method}" within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#pending.set(id, {
        resolve: (result) => resolve(result as ControlMethods[M]["result"]),
        reject,
        timer,
      });
      this.#send(formatRequest(id, method, { ...params }));
    });
  }

  /**
   * The events that the supervisor sends after a call of `events` with `follow`. Ends with
   * the connection. One consumer at a time.
   *
   * @throws {ControlConnectionError} more than 100,000 events waited for the consumer.
   */
  async *events(): AsyncGenerator<EventRecord, void, void> {
    for (;;) {
      const batch = this.#events;
      this.#events = [];
      yield* batch;
      if (this.#eventsOverflowed) {
        throw new ControlConnectionError("events came faster than they were read");
      }
      if (this.#events.length > 0) continue;
      if (this.#end !== null) return;
      await new Promise<void>((resolve) => this.#wakeEvents = resolve);
    }
  }

  /** Closes the connection; running calls fail. Idempotent. */
  close(): void {
    if (this.#end !== null) return;
    this.#finish(new ControlConnectionError("the connection was closed"));
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #send(line: string): void {
    const bytes = new TextEncoder().encode(line);
    this.#writing = this.#writing.then(async () => {
      for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
    }).catch((error) => {
      // The reader may still find the supervisor's reason in front of the end.
      if (this.#end === null && !isEndOfPeer(error)) this.#finish(connectionEnded(error));
    });
  }

  async #readAll(): Promise<void> {
    const splitter = new LineSplitter(ANSWER_BYTES_MAX);
    const decoder = new TextDecoder();
    const chunk = new Uint8Array(65_536);
    try {
      for (;;) {
        const sizeBytes = await this.#conn.read(chunk);
        if (sizeBytes === null) break;
        const { lines, overflow } = splitter.push(chunk.subarray(0, sizeBytes));
        for (const line of lines) this.#onLine(decoder.decode(line));
        if (overflow) throw new Error("an answer is longer than 64 MiB");
      }
      this.#finish(new ControlConnectionError("the supervisor closed the connection"));
    } catch (error) {
      this.#finish(connectionEnded(error));
    }
  }

  #onLine(line: string): void {
    const answer = parseAnswer(line);
    if (answer.kind === "invalid") {
      this.#finish(new ControlConnectionError(`the supervisor sent ${answer.message}`));
      return;
    }
    if (answer.kind === "notification") {
      if (answer.method === "event") this.#onEvent(answer.params as unknown as EventRecord);
      return;
    }
    if (answer.id === null && answer.kind === "error") {
      // Not about one call: a limit, or we are forbidden. The supervisor closes after it.
      this.#finish(new ControlError(answer.error.code, answer.error.message, answer.error.data));
      return;
    }
    const pending = typeof answer.id === "number" ? this.#pending.get(answer.id) : undefined;
    // An answer that came after its timeout.
    if (pending === undefined) return;
    this.#pending.delete(answer.id as number);
    if (pending.timer !== null) clearTimeout(pending.timer);
    if (answer.kind === "result") pending.resolve(answer.result);
    else {
      const { code, message, data } = answer.error;
      pending.reject(new ControlError(code, message, data));
    }
  }

  #onEvent(record: EventRecord): void {
    if (this.#events.length >= EVENTS_HELD_MAX) {
      this.#eventsOverflowed = true;
      this.#finish(new ControlConnectionError("events came faster than they were read"));
      return;
    }
    this.#events.push(record);
    this.#wake();
  }

  #finish(error: Error): void {
    if (this.#end !== null) return;
    this.#end = error;
    this.#conn.close();
    for (const pending of this.#pending.values()) {
      if (pending.timer !== null) clearTimeout(pending.timer);
      pending.reject(error);
    }
    this.#pending.clear();
    this.#wake();
  }

  #wake(): void {
    const wake = this.#wakeEvents;
    this.#wakeEvents = null;
    wake?.();
  }
}

function checkOwner(path: string, label: string): void {
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      throw nobody(label);
    }
    throw new ControlConnectionError(`Cannot look at ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (!found.isSocket) throw new ControlConnectionError(`${path} is not a socket`);
  const ownUid = Deno.uid();
  if (found.uid !== 0 && found.uid !== ownUid) {
    throw new ControlConnectionError(
      `Cannot trust ${path}: it belongs to uid ${found.uid}, must be ${ownUid} or root`,
    );
  }
}

function nobody(label: string): NoSupervisorError {
  return new NoSupervisorError(
    `no supervisor is running for ${label}; start one with \`cox up\``,
  );
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound;
}

function isEndOfPeer(error: unknown): boolean {
  return error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset;
}

function connectionEnded(error: unknown): ControlConnectionError {
  return new ControlConnectionError(`the connection to the supervisor ended: ${messageOf(error)}`, {
    cause: error,
  });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
