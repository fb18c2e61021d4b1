// A listener outlives a time without descriptors, which the runtime's own does not.
import { assert, assertEquals } from "@std/assert";
import { connectControl } from "../../../src/control/client.ts";

const source = (path: string) =>
  JSON.stringify(new URL(`../../../src/${path}`, import.meta.url).href);

/** Listens with room for few descriptors, and sends back what it gets. */
const PROGRAM = `
import { Listener } from ${source("control/listener.ts")};
import { startControlServer } from ${source("control/server.ts")};
import { openNull } from ${source("os/pipe.ts")};
import { Reactor } from ${source("os/reactor.ts")};
import { UnixStream } from ${source("os/unix_stream.ts")};

const [how, path, leaveNone] = Deno.args;
let exhausted = 0;
if (how === "listener") {
  const reactor = new Reactor();
  const decoder = new TextDecoder();
  const listener = new Listener({
    path,
    reactor,
    onExhausted: () => exhausted++,
    onConnection: (fd) => {
      const stream = new UnixStream(fd, reactor, {
        onData: (chunk) => stream.write(decoder.decode(chunk) + exhausted + "\\n"),
        onEnd: () => stream.destroy(),
        onDrain: () => {},
        onClose: () => listener.descriptorFreed(),
      });
    },
  });
} else if (how === "server") {
  startControlServer({
    path,
    reactor: new Reactor(),
    limits: { requestBytesMax: 1024, requestTimeoutNs: 60e9, controlConnectionsMax: 1000 },
    ownUid: 0,
    peerOf: () => ({ pid: 1, uid: 0 }),
    handler: { call: () => Promise.resolve({ cox: "1", pid: Deno.pid }) },
  });
} else {
  const net = await import("node:net");
  await new Promise((resolve) => net.createServer((socket) => {
    socket.on("error", () => {});
    socket.on("end", () => socket.destroy());
    socket.on("data", (data) => socket.write(data + "\\n"));
  }).listen(path, resolve));
}
// As the supervisor does: to hear of signals takes descriptors, which the runtime asks for at the
// first need, and panics without.
Deno.addSignalListener("SIGHUP", () => {});
try {
  while (leaveNone === "leave-none") openNull();
} catch (error) {
  if (error.errno !== "EMFILE") throw error;
}
console.log("listening");
setInterval(() => {}, 1000);
`;

const DESCRIPTORS = 128;

interface Program extends AsyncDisposable {
  readonly path: string;
}

async function start(how: "listener" | "server" | "node", leaveNone = false): Promise<Program> {
  const dir = await Deno.makeTempDir({ prefix: "cox-listener-" });
  const path = `${dir}/s`;
  await Deno.writeTextFile(`${dir}/program.ts`, PROGRAM);
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      `ulimit -n ${DESCRIPTORS}; exec "$0" run -A --no-check --no-config "$@"`,
      Deno.execPath(),
      `${dir}/program.ts`,
      how,
      path,
      ...(leaveNone ? ["leave-none"] : []),
    ],
    clearEnv: true,
    env: { HOME: Deno.env.get("HOME") ?? "/" },
    stdin: "null",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  return {
    path,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

function connect(path: string): Promise<Deno.UnixConn> {
  return Deno.connect({ transport: "unix", path });
}

/** Says "x" and gives what comes back; null: nothing. */
async function ask(conn: Deno.UnixConn, withinMs = 20_000): Promise<string | null> {
  await conn.write(new TextEncoder().encode("x"));
  const chunk = new Uint8Array(64);
  const answer = conn.read(chunk).then(
    (count) => count === null ? null : new TextDecoder().decode(chunk.subarray(0, count)),
    () => null,
  );
  const late = Promise.withResolvers<null>();
  const timer = setTimeout(() => late.resolve(null), withinMs);
  const first = await Promise.race([answer, late.promise]);
  clearTimeout(timer);
  return first;
}

/** Far more connections than it has descriptors for; then they all go away. */
async function flood(path: string): Promise<void> {
  const conns: Deno.UnixConn[] = [];
  for (let count = 0; count < 2 * DESCRIPTORS; count++) conns.push(await connect(path));
  for (const conn of conns) conn.close();
}

Deno.test("Listener accepts at once after a flood that took every descriptor", async () => {
  await using program = await start("listener");
  for (let times = 0; times < 3; times++) {
    await flood(program.path);
    using conn = await connect(program.path);
    assertEquals((await ask(conn))?.[0], "x");
  }
});

Deno.test("Listener without a descriptor serves one more, then rests until one closes", async () => {
  await using program = await start("listener", true);
  const first = await connect(program.path);
  assertEquals(await ask(first), "x0\n");
  using second = await connect(program.path);
  const startMs = performance.now();
  const answer = second.read(new Uint8Array(8));
  await second.write(new TextEncoder().encode("x"));
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  const exhausted = Number((await ask(first))!.slice(1));
  // At the first refusal, and every 250 ms: to try as often as the kernel says so is to spin.
  const most = 2 + (performance.now() - startMs) / 250;
  assert(exhausted >= 1 && exhausted <= most, `tried ${exhausted} times`);
  first.close();
  assert((await answer)! > 0);
});

Deno.test("ControlServer without a descriptor lets the oldest at rest go and answers", async () => {
  await using program = await start("server", true);
  const idle: Deno.UnixConn[] = [];
  for (let count = 0; count < 10; count++) idle.push(await connect(program.path));
  using client = await connectControl(program.path);
  assertEquals((await client.call("version", {})).cox, "1");
  for (const conn of idle) conn.close();
});

// One of the reasons for a transport of our own.
Deno.test("node:net stops accepting for good once accept() has met EMFILE", async () => {
  await using program = await start("node");
  await flood(program.path);
  for (let times = 0; times < 3; times++) {
    const conn = await connect(program.path).catch(() => null);
    assertEquals(conn === null ? null : await ask(conn, 1_000), null);
    conn?.close();
  }
});
