/**
 * Whole messages over a pair of type `seqpacket` or `datagram`, with no permission: the kernel
 * keeps the boundaries, nothing is framed. Owns the limit that the runtime sets, one message
 * a write, and the order of both. Must not know: what a message says.
 *
 * node:net adopts streams alone by number. Its pipe handle opens any socket, reads at most
 * 65,536 bytes at once and the kernel drops the rest of a message: longer ones are refused
 * here, and one that fills the buffer is reported as one that may have been cut.
 */
import type { Socket } from "node:net";
import { takeLink } from "./find_link.ts";
import type { LinkInfo, SendOutcome } from "./link.ts";

/** What one read of the runtime takes, less the byte that tells a whole message from a cut one. */
const MESSAGE_BYTES_MAX = 65_535;
const BUFFERED_MAX = 1024;

/** One end of a pair that keeps messages whole; made by {@linkcode packets}. */
export interface PacketLink extends Disposable, AsyncIterable<Uint8Array> {
  /** What the supervisor said of it. */
  readonly info: LinkInfo;
  /**
   * Reads messages until the other side has ended for good (`seqpacket`; datagrams have no
   * end), until `signal`, or until the link is closed. One iteration at a time.
   *
   * @throws {RangeError} at a message of more than 65,535 bytes.
   * @throws {TypeError} when another iteration runs.
   */
  receive(options?: { readonly signal?: AbortSignal }): AsyncGenerator<Uint8Array, void, undefined>;
  /**
   * Takes a message for writing, without waiting. It is copied. `full`: 1024 messages wait.
   *
   * @throws {RangeError} when it is empty or has more than 65,535 bytes.
   */
  send(message: Uint8Array): SendOutcome<Uint8Array>;
  /** Waits until all that was taken is in the kernel's hands, or the link is closed. */
  drained(): Promise<void>;
  /** Closes at once and drops what was not yet written. Idempotent. */
  close(): void;
}

/**
 * Takes a pair of type `seqpacket` or `datagram`, by the name of its port or of its channel.
 * Needs no permission. For a pair of type `stream` use {@linkcode connect}.
 *
 * @param name `"control"`.
 * @returns The link; reading or writing begins with its first use.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when the link keeps no messages whole, or was taken before.
 *
 * @example One side of a conversation (alone it says how to run it)
 * ```ts
 * import { isSupervised, NotSupervisedError, packets } from "coxswain/child";
 * import { assertThrows } from "@std/assert";
 *
 * if (isSupervised()) {
 *   using control = packets("control");
 *   for await (const request of control) control.send(request);
 * } else assertThrows(() => packets("control"), NotSupervisedError, "cox up");
 * ```
 */
export function packets(name: string): PacketLink {
  const refuse = ({ kind, type }: LinkInfo) =>
    kind === "pair" && type !== "stream"
      ? null
      : `it keeps no messages whole (${kind}${type === undefined ? "" : ` of type ${type}`}); ` +
        "use connect()";
  return new InheritedPackets(takeLink(name, { call: "packets", refuse }));
}

class InheritedPackets implements PacketLink {
  readonly info: LinkInfo;
  readonly #outgoing: Uint8Array[] = [];
  readonly #incoming: Uint8Array[] = [];
  readonly #drained: (() => void)[] = [];
  #adopted: Promise<Socket> | null = null;
  #wake: (() => void) | null = null;
  #receiving = false;
  #writing = false;
  #state: "open" | "ended" | "closed" = "open";

  constructor(info: LinkInfo) {
    this.info = info;
  }

  async *receive(
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.#receiving) throw new TypeError(`"${this.info.port}" is being received already`);
    this.#receiving = true;
    const { signal } = options;
    const wake = () => this.#wake?.();
    signal?.addEventListener("abort", wake);
    const socket = await this.#adopt();
    try {
      while (signal?.aborted !== true) {
        const message = this.#incoming.shift();
        if (message !== undefined) yield this.#whole(message);
        else if (this.#isOver()) return;
        else {
          this.#hold(socket);
          socket.resume();
          await new Promise<void>((resolve) => this.#wake = resolve);
        }
      }
    } finally {
      signal?.removeEventListener("abort", wake);
      this.#receiving = false;
      socket.pause();
      this.#hold(socket);
    }
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    return this.receive();
  }

  send(message: Uint8Array): SendOutcome<Uint8Array> {
    if (message.length === 0 || message.length > MESSAGE_BYTES_MAX) {
      throw new RangeError(
        `Cannot send on "${this.info.port}": size must be 1 to ${MESSAGE_BYTES_MAX} bytes, ` +
          `is ${message.length}`,
      );
    }
    if (this.#state !== "open") return { kind: "closed", value: message };
    if (this.#outgoing.length >= BUFFERED_MAX) return { kind: "full", value: message };
    this.#outgoing.push(message.slice());
    if (!this.#writing) void this.#write();
    return { kind: "sent" };
  }

  async drained(): Promise<void> {
    if (!this.#writing) return;
    await new Promise<void>((resolve) => this.#drained.push(resolve));
  }

  close(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#outgoing.length = 0;
    // Adopting is how a descriptor that was never used is closed as well.
    void this.#adopt().then((socket) => socket.destroy());
    this.#wake?.();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #whole(message: Uint8Array): Uint8Array {
    if (message.length <= MESSAGE_BYTES_MAX) return message;
    throw new RangeError(
      `A message on "${this.info.port}" has more than ${MESSAGE_BYTES_MAX} bytes and was cut`,
    );
  }

  #isOver(): boolean {
    return this.#state !== "open";
  }

  /** One at a time: two writes that were joined would be one message. */
  async #write(): Promise<void> {
    this.#writing = true;
    const socket = await this.#adopt();
    this.#hold(socket);
    for (let message = this.#outgoing[0]; message !== undefined; message = this.#outgoing[0]) {
      const bytes = message;
      const error = await new Promise<Error | null | undefined>((resolve) =>
        socket.write(bytes, resolve)
      );
      this.#outgoing.shift();
      if (error) this.#end();
    }
    this.#writing = false;
    this.#hold(socket);
    for (const resolve of this.#drained.splice(0)) resolve();
  }

  #end(): void {
    if (this.#state === "open") this.#state = "ended";
    this.#outgoing.length = 0;
    this.#wake?.();
  }

  /** Only who waits for it keeps the program alive. */
  #hold(socket: Socket): void {
    if (this.#receiving || this.#writing) socket.ref();
    else socket.unref();
  }

  #adopt(): Promise<Socket> {
    return this.#adopted ??= openPackets(this.info.fd).then((socket) => {
      socket.on("data", (message: Uint8Array) => {
        this.#incoming.push(message);
        // What is not taken stays with the kernel, where the other side can feel it.
        socket.pause();
        this.#wake?.();
      });
      socket.on("end", () => this.#end());
      socket.on("error", () => this.#end());
      socket.pause();
      this.#hold(socket);
      return socket;
    });
  }
}

/** The runtime's class for pipes and Unix sockets: `open` does not ask for the type of socket. */
interface PipeHandle {
  open(fd: number): number;
}

async function openPackets(fd: number): Promise<Socket> {
  const [net, { default: process }] = await Promise.all([
    import("node:net"),
    import("node:process"),
  ]);
  const { binding } = process as unknown as {
    binding(name: "pipe_wrap"): { Pipe: new (type: number) => PipeHandle };
  };
  const { Pipe } = binding.call(process, "pipe_wrap");
  const handle = new Pipe(0);
  const result = handle.open(fd);
  if (result !== 0) throw new Error(`Cannot open descriptor ${fd} as a socket: ${result}`);
  const options = { handle, readable: true, writable: true, allowHalfOpen: true };
  return new net.Socket(options as unknown as ConstructorParameters<typeof net.Socket>[0]);
}
