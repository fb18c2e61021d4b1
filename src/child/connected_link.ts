/**
 * A {@link Link} over one inherited descriptor: an inbox, an outbox and a framing.
 * Must not know: how the link was found.
 */
import type { Framing } from "./framing.ts";
import { Inbox } from "./inbox.ts";
import { InboxIteration } from "./inbox_iteration.ts";
import { type Link, LinkClosedError, type LinkInfo, type MessageError } from "./link.ts";
import type { SendOutcome } from "./link.ts";
import { LinkSocket } from "./link_socket.ts";
import { Outbox } from "./outbox.ts";

/** What a link is made with. */
export interface ConnectedLinkOptions<T> {
  readonly info: LinkInfo;
  readonly framing: Framing<T>;
  readonly bufferBytesMax: number;
  readonly onBadMessage: ((error: MessageError) => void) | undefined;
}

/** See the file's header. */
export class ConnectedLink<T> implements Link<T> {
  readonly info: LinkInfo;
  readonly #framing: Framing<T>;
  readonly #socket: LinkSocket;
  readonly #inbox: Inbox<T> | null;
  readonly #outbox: Outbox | null;
  #readable: ReadableStream<T> | null = null;
  #writable: WritableStream<T> | null = null;

  constructor({ info, framing, bufferBytesMax, onBadMessage }: ConnectedLinkOptions<T>) {
    this.info = info;
    this.#framing = framing;
    const reads = info.direction === "read" || info.direction === "both";
    const writes = info.direction === "write" || info.direction === "both";
    this.#socket = new LinkSocket(info.fd, { reads, writes });
    this.#inbox = reads ? new Inbox(this.#socket, framing.decoder(), onBadMessage) : null;
    const { bounded } = framing;
    this.#outbox = writes
      ? new Outbox(this.#socket, { channel: info.name, bytesMax: bufferBytesMax, bounded })
      : null;
  }

  receive(options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<T, void, undefined> {
    if (this.#inbox === null) throw this.#wrongDirection("receive from", "writes");
    return new InboxIteration(this.#inbox, options.signal);
  }

  [Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    return this.receive();
  }

  send(value: T): SendOutcome<T> {
    const outbox = this.#writer();
    const kind = outbox.offer(this.#framing.encode(value));
    return kind === "sent" ? { kind } : { kind, value };
  }

  drained(): Promise<void> {
    return this.#writer().drained();
  }

  end(): Promise<void> {
    return this.#writer().end();
  }

  abort(): void {
    this.#outbox?.abort();
    this.#socket.close();
  }

  get readable(): ReadableStream<T> {
    return this.#readable ??= ReadableStream.from(this.receive());
  }

  get writable(): WritableStream<T> {
    this.#writer();
    return this.#writable ??= new WritableStream<T>({
      write: (value) => this.#sendWaiting(value),
      close: () => this.end(),
      abort: () => this.abort(),
    });
  }

  [Symbol.dispose](): void {
    if (this.#outbox === null) return this.abort();
    // The writer that is left behind has nobody to tell of a failure.
    this.#outbox.end().then(() => this.#socket.close(), () => this.#socket.close());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#outbox === null) return this.abort();
    try {
      await this.#outbox.end();
    } finally {
      this.#socket.close();
    }
  }

  async #sendWaiting(value: T): Promise<void> {
    for (;;) {
      const { kind } = this.send(value);
      if (kind === "sent") return;
      await this.drained();
      if (kind === "closed") throw new LinkClosedError(this.info.name, 0);
    }
  }

  #writer(): Outbox {
    if (this.#outbox === null) throw this.#wrongDirection("send on", "reads");
    return this.#outbox;
  }

  #wrongDirection(what: string, does: "reads" | "writes"): TypeError {
    const { name, port } = this.info;
    return new TypeError(
      `Cannot ${what} channel "${name}": this process ${does} its port "${port}"`,
    );
  }
}
