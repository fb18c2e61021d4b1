/**
 * One iteration over an inbox, with the meaning of an async generator: calls are answered in
 * their order, leaving it ends it. Written by hand because it is on the way of every message:
 * one that is there already is handed over in a single turn. Must not know: formats, sockets.
 */
import type { Inbox } from "./inbox.ts";

type Result<T> = IteratorResult<T, undefined>;

/** See the file's header. It begins with the first call of `next`. */
export class InboxIteration<T> implements AsyncGenerator<T, void, undefined> {
  readonly #inbox: Inbox<T>;
  readonly #signal: AbortSignal | undefined;
  #state: "new" | "open" | "over" = "new";
  #aborted: Abortion | undefined;
  /** The call that has yet to be answered: a further one waits for it. */
  #pending: Promise<unknown> | null = null;

  constructor(inbox: Inbox<T>, signal: AbortSignal | undefined) {
    this.#inbox = inbox;
    this.#signal = signal;
  }

  next(): Promise<Result<T>> {
    if (this.#pending !== null) return this.#queue(() => this.#step());
    const answer = this.#step();
    if (!(answer instanceof Promise)) return Promise.resolve(answer);
    return this.#await(answer);
  }

  return(): Promise<Result<T>> {
    return this.#queue(() => {
      this.#leave();
      return { done: true, value: undefined };
    });
  }

  throw(error: unknown): Promise<Result<T>> {
    return this.#queue(() => {
      this.#leave();
      throw error;
    });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #queue(step: () => Result<T> | Promise<Result<T>>): Promise<Result<T>> {
    const before = this.#pending ?? Promise.resolve();
    return this.#await(before.then(step, step));
  }

  #await(answer: Promise<Result<T>>): Promise<Result<T>> {
    this.#pending = answer;
    const done = () => {
      if (this.#pending === answer) this.#pending = null;
    };
    answer.then(done, done);
    return answer;
  }

  #step(): Result<T> | Promise<Result<T>> {
    try {
      if (this.#state === "new") this.#enter();
      if (this.#state === "over") return { done: true, value: undefined };
      if (this.#signal?.aborted === true) return this.#over();
      const message = this.#inbox.take();
      if (message !== null) return { done: false, value: message.value };
    } catch (error) {
      this.#leave();
      return Promise.reject(error);
    }
    return this.#inbox.refill(this.#aborted?.promise).then(
      (filled) => filled ? this.#step() : this.#over(),
      (error) => {
        this.#leave();
        throw error;
      },
    );
  }

  #over(): Result<T> {
    this.#leave();
    return { done: true, value: undefined };
  }

  #enter(): void {
    this.#inbox.begin();
    this.#state = "open";
    this.#aborted = abortion(this.#signal);
  }

  #leave(): void {
    if (this.#state === "open") this.#inbox.end();
    this.#state = "over";
    this.#aborted?.forget();
    this.#aborted = undefined;
  }
}

interface Abortion {
  readonly promise: Promise<"aborted">;
  readonly forget: () => void;
}

function abortion(signal: AbortSignal | undefined): Abortion | undefined {
  if (signal === undefined) return undefined;
  const { promise, resolve } = Promise.withResolvers<"aborted">();
  const abort = () => resolve("aborted");
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  return { promise, forget: () => signal.removeEventListener("abort", abort) };
}
