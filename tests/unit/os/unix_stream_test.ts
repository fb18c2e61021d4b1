import { assert, assertEquals } from "@std/assert";
import { acceptUnix, listenUnix } from "../../../src/os/unix_socket.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { UnixStream } from "../../../src/os/unix_stream.ts";
import { openDescriptors, temporaryDirectory, until } from "../../process/support/harness.ts";

interface Pair extends AsyncDisposable {
  readonly stream: UnixStream;
  readonly peer: Deno.UnixConn;
  /** What the stream told, in order; data as text. */
  readonly told: string[];
}

async function connected(): Promise<Pair> {
  const dir = temporaryDirectory();
  const reactor = new Reactor();
  const listenFd = listenUnix(`${dir.path}/s`);
  const peer = await Deno.connect({ transport: "unix", path: `${dir.path}/s` });
  const fd = acceptUnix(listenFd);
  assert(typeof fd === "number");
  const told: string[] = [];
  const stream = new UnixStream(fd, reactor, {
    onData: (chunk) => told.push(new TextDecoder().decode(chunk)),
    onEnd: () => told.push("end"),
    onDrain: () => told.push("drain"),
    onClose: () => told.push("close"),
  });
  return {
    stream,
    peer,
    told,
    async [Symbol.asyncDispose]() {
      stream.destroy();
      await until("close", () => told.includes("close"));
      try {
        peer.close();
      } catch { /* the test closed it */ }
      reactor.close();
      closeFd(listenFd);
      dir[Symbol.dispose]();
    },
  };
}

const send = (peer: Deno.UnixConn, text: string) => peer.write(new TextEncoder().encode(text));
const readAll = (peer: Deno.UnixConn) => new Response(peer.readable).text();

/** Far more than a socket's buffers hold: numbered, so that order and loss show. */
const MANY_LINES = Array.from(
  { length: 50_000 },
  (_, index) => `line ${index} ${"x".repeat(50)}\n`,
);

Deno.test("UnixStream tells what comes, and the end, and still writes after it", async () => {
  await using pair = await connected();
  await send(pair.peer, "a question");
  await until("the data", () => pair.told.length === 1);
  await pair.peer.closeWrite();
  await until("the end", () => pair.told.length === 2);
  pair.stream.write("an ");
  pair.stream.write("answer");
  pair.stream.end();
  assertEquals(await readAll(pair.peer), "an answer");
  assertEquals(pair.told, ["a question", "end", "close"]);
});

Deno.test("UnixStream.write() keeps the order while the peer does not read, then tells drain", async () => {
  await using pair = await connected();
  for (const line of MANY_LINES) pair.stream.write(line);
  const total = MANY_LINES.join("");
  assert(pair.stream.queuedBytes > total.length / 2, `${pair.stream.queuedBytes} bytes wait`);
  const reading = readAll(pair.peer);
  await until("drain", () => pair.told.includes("drain"));
  assertEquals(pair.stream.queuedBytes, 0);
  pair.stream.end();
  assert(await reading === total);
  assertEquals(pair.told, ["drain", "close"]);
});

Deno.test("UnixStream.end() closes when all that waited has left, and writes no more", async () => {
  await using pair = await connected();
  for (const line of MANY_LINES) pair.stream.write(line);
  pair.stream.end();
  pair.stream.write("too late");
  assertEquals(pair.told, []);
  assert(await readAll(pair.peer) === MANY_LINES.join(""));
  await until("close", () => pair.told.length > 0);
  assertEquals(pair.told, ["close"]);
});

Deno.test("UnixStream.pause() leaves bytes where they are, though the peer hangs up", async () => {
  await using pair = await connected();
  await using other = await connected();
  pair.stream.pause();
  await send(pair.peer, "unread");
  pair.peer.close();
  // A round trip elsewhere: whatever the reactor had to tell, it has told.
  await send(other.peer, "ping");
  await until("the other", () => other.told.length === 1);
  assertEquals(pair.told, []);
  pair.stream.resume();
  await until("close", () => pair.told.includes("close"));
  assertEquals(pair.told, ["unread", "end", "close"]);
});

Deno.test("UnixStream closes when the peer, after its end, hangs up", async () => {
  await using pair = await connected();
  await pair.peer.closeWrite();
  await until("the end", () => pair.told.length === 1);
  pair.peer.close();
  await until("close", () => pair.told.length === 2);
  assertEquals(pair.told, ["end", "close"]);
});

Deno.test("UnixStream closes when it writes to a peer that is gone", async () => {
  await using pair = await connected();
  pair.stream.pause();
  pair.peer.close();
  pair.stream.write("nobody");
  await until("close", () => pair.told.length > 0);
  assertEquals([pair.told, pair.stream.queuedBytes], [["close"], 0]);
});

Deno.test("UnixStream.destroy() gives the descriptor back and tells close once, later", async () => {
  await using pair = await connected();
  const before = openDescriptors();
  pair.stream.destroy();
  pair.stream.destroy();
  pair.stream.write("ignored");
  pair.stream.end();
  pair.stream.resume();
  assertEquals([openDescriptors(), pair.told.length], [before - 1, 0]);
  await until("close", () => pair.told.length > 0);
  assertEquals(await readAll(pair.peer), "");
  assertEquals(pair.told, ["close"]);
});
