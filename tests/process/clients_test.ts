/**
 * Who gets in to a Deno server that accepts through our client: declared clients and what they
 * have started, by credentials; and how many, where the channel has limits. Real programs, all
 * of one user: nothing but the kernel's word tells them apart.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";

const MOD = JSON.stringify(new URL("../../src/child/mod.ts", import.meta.url).href);

/** Answers each line that it reads, and shows it: what it never shows never reached it. */
const SERVER = `
import { listener, ready, stopSignal } from ${MOD};
await ready();
for await (const client of listener("door").accept({ signal: stopSignal() })) {
  void serve(client).catch(() => client.close());
}
async function serve(client) {
  const writer = client.writable.getWriter();
  for await (const bytes of client.readable) {
    const text = new TextDecoder().decode(bytes);
    console.log("read " + text.trim());
    await writer.write(new TextEncoder().encode("in " + text));
  }
  client.close();
}
`;

/** Says something on a connection, shows what comes back, and stays. */
const CLIENT = `
import os, socket, sys, time
def visit(name):
    client = socket.socket(socket.AF_UNIX)
    client.connect("own/door")
    try:
        client.sendall(name.encode() + b"\\n")
        answer = client.recv(100).decode().strip() or "closed"
    except (ConnectionResetError, BrokenPipeError): answer = "closed"
    print(name, "got", answer, flush=True)
    return client
name = sys.argv[1]
kept = visit(name)
if os.fork() == 0:
    kept.close()
    os.setsid()
    kept = visit(name + "-child")
time.sleep(1000)
`;

function config(listener: string, processes: string): string {
  return `
import { command, defineConfig, deno, listen } from "coxswain";
const client = (name: string, script = "client.py") => ({
  run: command(["python3", "-SE", script, name]),
  after: { server: "ready" },
  restart: { policy: "temporary" },
} as const);
export default defineConfig({
  name: "clients",
  processes: {
    server: { run: deno("./server.ts"), ready: { by: "notify" } },
    ${processes}
  },
  channels: { door: listen({ server: "server.door", unix: { path: "./own/door" }, ${listener} }) },
});`;
}

async function saysAll(crew: TestCrew, ...texts: string[]): Promise<void> {
  await eventually(
    texts.join(", "),
    () => texts.every((text) => crew.output().includes(text)),
  ).catch((error) => {
    throw new Error(crew.output(), { cause: error });
  });
}

Deno.test("a declared client gets in and so does what it started; others are closed unread, and told of", async () => {
  await using crew = await startCrew(
    config(
      `clients: ["friend"]`,
      `friend: client("friend"), stranger: client("stranger"),`,
    ),
    { files: { "server.ts": SERVER, "client.py": CLIENT } },
  );
  await saysAll(
    crew,
    "friend got in friend",
    "friend-child got in friend-child",
    "stranger got closed",
    "stranger-child got closed",
  );
  // From outside of the crew, as the same user.
  using outsider = await Deno.connect({
    transport: "unix",
    path: `${crew.projectDir}/own/door`,
  });
  await outsider.write(new TextEncoder().encode("outsider\n")).catch(() => {});
  const buffer = new Uint8Array(100);
  const count = await outsider.read(buffer).catch(() => null);
  assertEquals(count, null, "it was closed");
  const refusals = () => crew.events().filter((event) => event.event === "clientRefused");
  await eventually("the refusals are in the log", () => refusals().length === 3);
  const { pid } = await crew.process("stranger");
  const peerUid = Deno.uid()!;
  const told = refusals().map(({ channel, process, peerPid, peerUid }) => ({
    channel,
    process,
    peerPid,
    peerUid,
  }));
  const common = { channel: "door", peerUid };
  const child = told.find((one) => one.process === "stranger" && one.peerPid !== pid);
  assert(child !== undefined, "its child is told of as its own");
  assertEquals(
    told.filter((one) => one !== child),
    [
      { ...common, process: "stranger", peerPid: pid! },
      { ...common, process: null, peerPid: Deno.pid },
    ],
  );
  await crew.stop();
  const read = crew.output().match(/read \S+/g)?.toSorted();
  assertEquals(read, ["read friend", "read friend-child"]);
});

Deno.test("what is connected while the server is down is looked at by its next instance", async () => {
  const server = SERVER.replace("await ready();", "await ready(); console.log('up');");
  await using crew = await startCrew(
    config(
      `clients: ["friend"]`,
      `friend: client("friend", "wait.py"), other: client("other", "wait.py"),`,
    ),
    {
      files: {
        "server.ts": server,
        "wait.py": CLIENT.replace(
          "import os",
          "import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)\nimport os",
        ),
        "client.py": CLIENT,
      },
    },
  );
  const { processes } = await crew.until(
    "the server runs",
    ({ processes }) => processes["server"]!.state === "running" && processes["other"]!.pid !== null,
  );
  const { pid } = processes["server"]!;
  Deno.kill(pid!, "SIGSTOP");
  await Deno.writeTextFile(`${crew.projectDir}/go`, "");
  // Nobody accepts: what they say waits. Then nobody ever will have but the next instance.
  await eventually("both have connected", async () => {
    const text = await Deno.readTextFile("/proc/net/unix");
    return text.split("\n").filter((line) => line.endsWith("own/door")).length >= 3;
  });
  Deno.kill(pid!, "SIGKILL");
  await saysAll(crew, "friend got in friend", "other got closed");
  await crew.stop();
  assert(!crew.output().includes("read other"), crew.output());
});

Deno.test("serve() gives a node:http server the declared clients' connections, and drains", async () => {
  const server = `
import { createServer } from "node:http";
import { listener, ready, stopSignal } from ${MOD};
const http = createServer((request, response) => {
  console.log("asked " + request.url);
  response.end("in " + request.url);
});
await ready();
await listener("door").serve(http, { signal: stopSignal() });
console.log("drained");
`;
  const client = `
import http.client, socket, sys, time
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("own/door")
unix = Unix("x")
for number in range(2):
    try:
        unix.request("GET", f"/{sys.argv[1]}{number}")
        print(unix.getresponse().read().decode(), flush=True)
    except (http.client.HTTPException, OSError):
        print(sys.argv[1], "got closed", flush=True)
        break
time.sleep(1000)
`;
  await using crew = await startCrew(
    config(`clients: ["friend"]`, `friend: client("friend"), stranger: client("stranger"),`),
    { files: { "server.ts": server, "client.py": client } },
  );
  // Two requests over one connection, which is open and idle when the crew is stopped.
  await saysAll(crew, "in /friend0", "in /friend1", "stranger got closed");
  await crew.stop();
  assertStringIncludes(crew.output(), "drained");
  assert(!crew.output().includes("asked /stranger"), crew.output());
  const ended = crew.events().filter((event) =>
    event.event === "exit" && event.process === "server"
  );
  assertEquals(ended.map((event) => event.event === "exit" && event.reason.kind), ["code"]);
});

Deno.test("connections at once are limited: one more is closed at once, and counted", async () => {
  await using crew = await startCrew(
    config(`clients: "anyone", limits: { connections: 2 }`, ""),
    { files: { "server.ts": SERVER } },
  );
  await crew.until("it runs", ({ processes }) => processes["server"]!.state === "running");
  const path = `${crew.projectDir}/own/door`;
  const visit = async (name: string) => {
    const client = await Deno.connect({ transport: "unix", path });
    const buffer = new Uint8Array(100);
    try {
      await client.write(new TextEncoder().encode(`${name}\n`));
      const count = await client.read(buffer);
      return { client, answer: new TextDecoder().decode(buffer.subarray(0, count ?? 0)) };
    } catch {
      return { client, answer: "" };
    }
  };
  const first = await visit("1");
  const second = await visit("2");
  assertEquals([first.answer, second.answer], ["in 1\n", "in 2\n"]);
  const third = await visit("3");
  assertEquals(third.answer, "");
  third.client.close();
  // Room again as soon as one has ended.
  first.client.close();
  await eventually("there is room again", async () => {
    const { client, answer } = await visit("4");
    client.close();
    return answer === "in 4\n";
  });
  second.client.close();
  await crew.stop();
  assert(!crew.output().includes("read 3"), crew.output());
  const refused = crew.events().filter((event) => event.event === "connectionsRefused");
  assert(refused.length >= 1);
  const [told] = refused;
  assert(told?.event === "connectionsRefused");
  assertEquals([told.channel, told.process, told.count], ["door", "server", 1]);
});

Deno.test("connections a second are limited: others wait, and none is lost", async () => {
  await using crew = await startCrew(
    config(`clients: "anyone", limits: { perSecond: 5 }`, ""),
    { files: { "server.ts": SERVER } },
  );
  await crew.until("it runs", ({ processes }) => processes["server"]!.state === "running");
  const path = `${crew.projectDir}/own/door`;
  const began = performance.now();
  const visits = Array.from({ length: 12 }, async (_, at) => {
    using client = await Deno.connect({ transport: "unix", path });
    await client.write(new TextEncoder().encode(`${at}\n`));
    const buffer = new Uint8Array(100);
    const count = await client.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  });
  assertEquals(await Promise.all(visits), visits.map((_, at) => `in ${at}\n`));
  // Five at once; the twelfth is the seventh after them.
  assert(performance.now() - began >= 7 * 200 - 50);
});

Deno.test("a declared Python client dials by the channel's name; another process of the crew has no such link", async () => {
  const dialling = `
import coxswain, sys
name = sys.argv[1]
try:
    with coxswain.dial("door") as door:
        door.sendall(name.encode() + b"\\n")
        print(name, "got", door.recv(100).decode().strip(), flush=True)
except (LookupError, coxswain.NotSupervisedError) as error:
    print(name, "failed:", type(error).__name__, flush=True)
`;
  const path = new URL("../../clients/python", import.meta.url).pathname;
  const dialler = (name: string) =>
    `${name}: { ...client("${name}", "dial.py"), ` +
    `env: { PYTHONPATH: "${path}", PYTHONDONTWRITEBYTECODE: "1" }, ` +
    `run: command(["python3", "-S", "dial.py", "${name}"]) },`;
  await using crew = await startCrew(
    config(`clients: ["friend"]`, `${dialler("friend")} ${dialler("other")}`),
    { files: { "server.ts": SERVER, "dial.py": dialling } },
  );
  await saysAll(crew, "friend got in friend", "other failed: NotSupervisedError");
});

Deno.test({
  name:
    "a declared Deno client with a user of its own dials by the channel's name, and cannot take the path over",
  ignore: Deno.uid() !== 0,
  async fn() {
    const place = `/tmp/cox-dial-${crypto.randomUUID().slice(0, 8)}`;
    Deno.mkdirSync(place);
    Deno.chmodSync(place, 0o755);
    const client = `
import { dial, links } from ${MOD};
async function visit() {
  using door = await dial("door");
  const writer = door.writable.getWriter();
  await writer.write(new TextEncoder().encode("hello\\n"));
  const { value } = await door.readable.getReader().read();
  return new TextDecoder().decode(value).trim();
}
console.log("first " + await visit());
console.log("second " + await visit());
const path = links()[0].path;
console.log("remove " + await Deno.remove(path).then(() => "worked", (error) => error.name));
console.log("other " + await dial("window").catch((error) => error.message));
setInterval(() => {}, 1000);
`;
    try {
      Deno.writeTextFileSync(`${place}/client.ts`, client.replaceAll("\\\\", "\\"));
      await using crew = await startCrew(
        config(
          `clients: ["friend"]`,
          `friend: {
            run: deno("${place}/client.ts"),
            user: "daemon",
            cwd: "/tmp",
            after: { server: "ready" },
            restart: { policy: "temporary" },
          },`,
        ).replace("./own/door", `${place}/own/door`),
        { files: { "server.ts": SERVER } },
      );
      await saysAll(
        crew,
        "first in hello",
        "second in hello",
        "remove PermissionDenied",
        'this process is a client of "door"',
      );
      assertEquals(crew.events().filter((event) => event.event === "clientRefused"), []);
    } finally {
      await Deno.remove(place, { recursive: true });
    }
  },
});
