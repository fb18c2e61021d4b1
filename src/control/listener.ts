/**
 * A listening Unix socket that stays alive. Owns the socket's file and its accept loop.
 * Must not know: who may connect, what is said.
 *
 * When a process has no descriptor left, accept(2) fails with EMFILE, and then the accept
 * loop of node:net is dead for good: no error, no event, no later connection (Deno 2.9.6;
 * tests/unit/control/listener_test.ts shows it). So we connect to ourselves now and then,
 * and listen anew when nothing comes of it.
 */
import net from "node:net";
import { setUmask } from "../os/umask.ts";
import { SOCKET_PATH_BYTES_MAX } from "./socket_path.ts";

/** What a listener is made from. */
export interface ListenerOptions {
  /** Absolute path of the socket. */
  readonly path: string;
  readonly onSocket: (socket: net.Socket) => void;
  /**
   * How often it is looked whether connections still arrive, milliseconds.
   * @default 30000
   */
  readonly probeEveryMs?: number;
}

const PROBE_EVERY_MS = 30_000;
/** A busy control loop may take a while; a dead one takes for ever. */
const PROBE_ANSWER_MS = 5_000;

/** See the file's header. */
export class Listener {
  readonly #options: ListenerOptions;
  #server: net.Server | null = null;
  #accepted = 0;
  #probing: ReturnType<typeof setInterval> | null = null;
  #inProbe = false;
  #closed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Begins to listen, on a socket file of mode 0600. One that a dead process left is removed.
   *
   * @throws {Error} when the path is too long or taken by something else than a socket, and
   * when the kernel refuses.
   */
  async listen(): Promise<void> {
    removeStaleSocket(this.#options.path);
    await this.#open();
    const everyMs = this.#options.probeEveryMs ?? PROBE_EVERY_MS;
    this.#probing = setInterval(() => void this.#probe(), everyMs);
    this.#probing.unref();
  }

  /** Stops listening and removes the socket file. What was accepted stays open. */
  close(): void {
    if (this.#probing !== null) clearInterval(this.#probing);
    this.#probing = null;
    this.#closed = true;
    this.#server?.close();
    this.#server = null;
    removeIfThere(this.#options.path);
  }

  async #open(): Promise<void> {
    const { path } = this.#options;
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#accepted++;
      this.#options.onSocket(socket);
    });
    const listening = new Promise<void>((resolve, reject) => {
      server.once("listening", resolve);
      server.once("error", reject);
    });
    // The file is made inside listen(): with a mask its mode is right from the first moment.
    const umask = setUmask(0o177);
    try {
      server.listen(path);
    } finally {
      setUmask(umask);
    }
    await listening;
    if (this.#closed) {
      server.close();
      removeIfThere(path);
      return;
    }
    // A single connection that fails costs that client, not us.
    server.on("error", () => {});
    this.#server = server;
  }

  async #probe(): Promise<void> {
    if (this.#inProbe) return;
    this.#inProbe = true;
    const arrived = await this.#arrives(this.#accepted);
    if (!arrived && !this.#closed) await this.#openAnew();
    this.#inProbe = false;
  }

  async #openAnew(): Promise<void> {
    this.#server?.close();
    this.#server = null;
    removeIfThere(this.#options.path);
    try {
      await this.#open();
    } catch {
      // No descriptor yet: the next probe tries again.
    }
  }

  /** Whether a connection of ours, or anybody's, is accepted. */
  #arrives(before: number): Promise<boolean> {
    return new Promise((resolve) => {
      const socket = net.connect({ path: this.#options.path });
      const end = (arrived: boolean) => {
        clearTimeout(giveUp);
        clearInterval(look);
        socket.destroy();
        resolve(arrived);
      };
      const giveUp = setTimeout(() => end(false), PROBE_ANSWER_MS);
      const look = setInterval(() => {
        if (this.#accepted > before) end(true);
      }, 5);
      socket.on("error", () => end(this.#accepted > before));
    });
  }
}

function removeStaleSocket(path: string): void {
  const sizeBytes = new TextEncoder().encode(path).length;
  if (sizeBytes > SOCKET_PATH_BYTES_MAX) {
    throw new Error(
      `Cannot listen on ${path}: a socket path must be at most ${SOCKET_PATH_BYTES_MAX} bytes, ` +
        `is ${sizeBytes}; choose a shorter --run-dir`,
    );
  }
  let found: Deno.FileInfo;
  try {
    found = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  if (!found.isSocket) {
    throw new Error(`Cannot listen on ${path}: something that is not a socket is in its place`);
  }
  removeIfThere(path);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
