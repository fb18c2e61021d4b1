/**
 * What a server asks its supervisor, and tells it, about the connections of its listeners: one
 * conversation in lines over an inherited socket. Must not know: how connections are accepted.
 *
 * ```
 *  server ──► supervisor   check ID LISTENER CONNECTION      descriptors of this process
 *                          refused LISTENER connections COUNT
 *  server ◄── supervisor   ID admit | ID refuse
 * ```
 */
import type { Socket } from "node:net";
import { gateDescriptor } from "./supervision.ts";

/** One for each program. */
export class Gate {
  readonly #fd: number;
  #adopted: Promise<Socket> | null = null;
  readonly #asked = new Map<number, (admitted: boolean) => void>();
  readonly #decoder = new TextDecoder();
  #rest = "";
  #nextId = 1;
  #ended = false;

  /** @param fd Its socket; nobody else may use it. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Asks whether a connection is a declared client's.
   *
   * @param listener Descriptor of the listener.
   * @param connection Descriptor of the connection; it stays open until the answer.
   * @returns false also when nobody answers any more.
   */
  async check(listener: number, connection: number): Promise<boolean> {
    const socket = await this.#adopt();
    if (this.#ended) return false;
    const id = this.#nextId++;
    // Who waits for an answer keeps the program alive.
    if (this.#asked.size === 0) socket.ref();
    return await new Promise<boolean>((resolve) => {
      this.#asked.set(id, resolve);
      socket.write(`check ${id} ${listener} ${connection}\n`);
    });
  }

  /** Tells how many connections were closed at once. */
  async refused(listener: number, count: number): Promise<void> {
    const socket = await this.#adopt();
    if (!this.#ended) socket.write(`refused ${listener} connections ${count}\n`);
  }

  #adopt(): Promise<Socket> {
    return this.#adopted ??= import("node:net").then((net) => {
      const socket = new net.Socket({ fd: this.#fd, readable: true, writable: true });
      socket.on("data", (bytes: Uint8Array) => this.#hear(socket, bytes));
      // The supervisor has gone; "close" follows an error.
      socket.on("error", () => {});
      socket.on("close", () => this.#end());
      socket.unref();
      return socket;
    });
  }

  #hear(socket: Socket, bytes: Uint8Array): void {
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) {
      const [id, verdict] = line.split(" ");
      this.#asked.get(Number(id))?.(verdict === "admit");
      this.#asked.delete(Number(id));
    }
    if (this.#asked.size === 0) socket.unref();
  }

  #end(): void {
    this.#ended = true;
    for (const answer of this.#asked.values()) answer(false);
    this.#asked.clear();
  }
}

let gate: Gate | null = null;

/** The program's gate; null where its supervisor gave none. */
export function takeGate(): Gate | null {
  const fd = gateDescriptor();
  return gate ??= fd === null ? null : new Gate(fd);
}
