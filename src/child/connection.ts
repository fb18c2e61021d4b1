/**
 * One connection as two streams, whoever made it. Must not know: how it came about.
 */
import type { Socket } from "node:net";
import type { Connection } from "./accept.ts";

/** Takes a connected socket over; half of it may be closed. */
export async function connectionOf(socket: Socket): Promise<Connection> {
  // Whoever uses its streams is told of a reset; one that nobody uses must not end us.
  socket.on("error", () => {});
  const { Duplex } = await import("node:stream");
  const { readable, writable } = Duplex.toWeb(socket) as {
    readable: ReadableStream<Uint8Array>;
    writable: WritableStream<Uint8Array>;
  };
  const close = () => void socket.destroy();
  return { readable, writable, close, [Symbol.dispose]: close };
}
