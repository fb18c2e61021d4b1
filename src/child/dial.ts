/**
 * Connections of a declared client to the listener of another process, by the name of its
 * channel. Must not know: who answers, what is said.
 */
import type { Connection } from "./accept.ts";
import { connectionOf } from "./connection.ts";
import { linksOf } from "./supervision.ts";

/**
 * Connects to a listener that this process is a declared client of, as often as it likes. The
 * grants for its path are part of the plan; no others are needed.
 *
 * While the server is down the connection waits; when it has finally ended, it is refused.
 *
 * @param name Of the channel.
 * @returns The connection, as soon as the kernel has made it: the server may not have seen it
 *   yet, and may still refuse it, which shows as its end.
 * @throws {NotSupervisedError} (rejects) when no supervisor started the program, or of another
 *   version.
 * @throws {RangeError} (rejects) when it is no client of a listener of that name.
 * @throws {Deno.errors.NotCapable} (rejects) without a grant: see docs/links.md, Listeners.
 * @throws {Error} (rejects) with the system's error: ECONNREFUSED, ENOENT, EACCES.
 *
 * @example
 * ```ts
 * import { dial, isSupervised, NotSupervisedError } from "coxswain/child";
 * import { assertRejects } from "@std/assert";
 *
 * if (isSupervised()) {
 *   using web = await dial("web");
 *   const writer = web.writable.getWriter();
 *   await writer.write(new TextEncoder().encode("hello\n"));
 * } else await assertRejects(() => dial("web"), NotSupervisedError, "cox up");
 * ```
 */
export async function dial(name: string): Promise<Connection> {
  const known = linksOf("dial", name).filter(({ direction }) => direction === "connect");
  const path = known.find((link) => link.name === name)?.path;
  if (path === undefined) {
    const names = known.map((link) => `"${link.name}"`).join(", ");
    throw new RangeError(
      `Cannot call dial(${JSON.stringify(name)}): this process is ` +
        (names === "" ? "a client of no listener" : `a client of ${names}`),
    );
  }
  const net = await import("node:net");
  const socket = net.connect({ path, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return await connectionOf(socket);
}
