/** The other side of round_trip_ping.ts: sends back what comes, each link by its own means. */
import net from "node:net";
import { connect, links } from "../../src/child/mod.ts";

const { fd } = links().find(({ port }) => port === "bare")!;
const socket = new net.Socket({ fd, readable: true, writable: true });
socket.on("data", (chunk: Uint8Array) => socket.write(chunk));

const link = connect("ours", { as: "frames" });
for await (const message of link) link.send(message);
