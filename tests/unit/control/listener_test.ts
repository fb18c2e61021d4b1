// A listener outlives a time without descriptors, which the runtime's own does not.
import { assert, assertEquals } from "@std/assert";

const SERVER = new URL("../../../src/control/listener.ts", import.meta.url).href;

/** Listens with room for few descriptors, either way; prints a line per connection. */
const PROGRAM = `
import net from "node:net";
import { Listener } from ${JSON.stringify(SERVER)};
const [how, path] = Deno.args;
const onSocket = (socket) => {
  socket.on("error", () => {});
  socket.on("end", () => socket.destroy());
  socket.on("data", (data) => socket.write(data));
};
if (how === "listener") await new Listener({ path, onSocket, probeEveryMs: 200 }).listen();
else await new Promise((resolve) => net.createServer(onSocket).listen(path, resolve));
console.log("listening");
setInterval(() => {}, 1000);
`;

async function exhaust(
  how: "listener" | "node",
): Promise<{ answered: () => Promise<boolean> } & AsyncDisposable> {
  const dir = await Deno.makeTempDir({ prefix: "cox-listener-" });
  const path = `${dir}/s`;
  await Deno.writeTextFile(`${dir}/program.ts`, PROGRAM);
  const child = new Deno.Command("sh", {
    args: [
      "-c",
      'ulimit -n 128; exec "$0" run -A --no-check --no-config "$@"',
      Deno.execPath(),
      `${dir}/program.ts`,
      how,
      path,
    ],
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  await reader.read();
  // Far more than it has descriptors for; then they all go away.
  const conns: Deno.UnixConn[] = [];
  for (let count = 0; count < 200; count++) {
    conns.push(await Deno.connect({ transport: "unix", path }));
  }
  for (const conn of conns) conn.close();
  return {
    answered: async () => {
      let conn: Deno.UnixConn;
      try {
        conn = await Deno.connect({ transport: "unix", path });
      } catch {
        return false;
      }
      await conn.write(new Uint8Array([7])).catch(() => {});
      const answer = conn.read(new Uint8Array(1)).catch(() => null);
      const late = new Promise<null>((resolve) => setTimeout(() => resolve(null), 500));
      const size = await Promise.race([answer, late]);
      conn.close();
      await answer;
      return size === 1;
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await reader.cancel();
      await child.status;
      await Deno.remove(dir, { recursive: true });
    },
  };
}

Deno.test("Listener accepts again after every descriptor was taken", async () => {
  await using server = await exhaust("listener");
  const limit = performance.now() + 30_000;
  while (!(await server.answered())) assert(performance.now() < limit, "it never came back");
});

// The reason for the probe. When this fails, a new Deno may have made it superfluous.
Deno.test("node:net stops accepting for good once accept() has met EMFILE", async () => {
  await using server = await exhaust("node");
  for (let times = 0; times < 3; times++) assertEquals(await server.answered(), false);
});
