/**
 * A server that answers `hello` to each connection and ends it. With an argument it binds that
 * path itself, else it has inherited its listener as the port `http`. Without loading more than
 * node:net on either side.
 */
import net from "node:net";
import { takeListenerFd } from "../../src/child/mod.ts";

const [path] = Deno.args;
const server = net.createServer((connection) => {
  connection.on("error", () => {});
  connection.end("hello\n");
});
if (path === undefined) server.listen({ fd: takeListenerFd("http") });
else server.listen(path);
