/**
 * Listeners with programs that know nothing of us: gunicorn, lighttpd, and a Deno program
 * with node:http; and the ways to connect that a configuration allows or not.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { connectControl } from "../../src/control/client.ts";
import { fileIdentity } from "../../src/os/socket.ts";
import { coxCommand, eventually, startCrew } from "../support/crew.ts";
import { freePort, startLoad } from "./support/socket_load.ts";

const HTTP = (id: string) => `GET /?${id} HTTP/1.0\r\n\r\n`;
const MOD = new URL("../../src/child/mod.ts", import.meta.url).href;

function installed(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const PROGRAMS = [
  {
    name: "gunicorn",
    path: "/usr/bin/gunicorn",
    run: `command(["/usr/bin/gunicorn", "--log-level", "warning", "app:app"])`,
    files: {
      "app.py": `
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["QUERY_STRING"].encode()]
`,
    },
  },
  {
    name: "lighttpd",
    path: "/usr/sbin/lighttpd",
    run: `command(["/usr/sbin/lighttpd", "-D", "-f", "lighttpd.conf"])`,
    // Answers with a redirect to the query, so that no module is needed beyond its own.
    files: {},
  },
  {
    name: "Deno with node:http",
    path: null,
    run: `deno("./server.ts")`,
    files: {
      "server.ts": `
import { createServer } from "node:http";
import { stopSignal, takeListenerFd } from ${JSON.stringify(MOD)};
const server = createServer((request, response) => response.end(request.url));
server.listen({ fd: takeListenerFd("http") });
stopSignal().addEventListener("abort", () => server.close());
`,
    },
  },
] as const;

for (const { name, path, run, files } of PROGRAMS) {
  const missing = path !== null && !installed(path);
  if (missing) console.warn(`SKIPPED: ${name} is not installed (apt-get install ${name})`);
  Deno.test({
    name: `${name} serves an inherited listener through kills and restarts: nobody is refused`,
    ignore: missing,
    async fn() {
      const port = freePort();
      const lighttpd = `
server.document-root = var.CWD
server.systemd-socket-activation = "enable"
server.bind = "127.0.0.1"
server.port = ${port}
server.modules = ( "mod_redirect" )
url.redirect = ( "" => "/%1\${qsa}" )
`;
      await using crew = await startCrew(
        `
import { command, defineConfig, deno, listen } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "programs",
  processes: { server: { run: ${run}, restart, stop: { timeout: "10s" } } },
  channels: { http: listen({ server: "server.http", tcp: { port: ${port} }, clients: "anyone" }) },
});`,
        { files: { ...files, "lighttpd.conf": lighttpd } },
      );
      await using load = startLoad({ port }, 4, HTTP);
      using control = await connectControl(`${crew.runDir}/control.sock`);
      for (let round = 0; round < 10; round++) {
        const before = load.report.answered;
        await eventually("some were served", () => load.report.answered > before + 8);
        if (round % 2 === 0) await control.call("restart", { name: "server" });
        else {
          const { processes } = await crew.until(
            "it runs",
            (now) => now.processes["server"]!.pid !== null,
          );
          Deno.kill(processes["server"]!.pid!, "SIGKILL");
        }
      }
      const { answered, unanswered, refused, wrong } = await load.stop();
      assertEquals({ refused, wrong }, { refused: [], wrong: [] });
      // Of 5 kills each takes what was accepted and not answered: at most all 4 clients'.
      assert(unanswered <= 5 * 4, `${unanswered} of ${answered + unanswered} got no answer`);
    },
  });
}

Deno.test("a lazy server starts with its first connection, and again after it has completed", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, listen } from "coxswain";
export default defineConfig({
  name: "lazy",
  processes: {
    server: { run: command(["python3", "-SE", "once.py"]), restart: { policy: "transient" } },
    other: { run: command(["sleep", "1000"]) },
  },
  channels: {
    web: listen({ server: "server.web", unix: { path: "./s/web" }, clients: "anyone", lazy: true }),
  },
});`,
    {
      files: {
        "once.py": `
import socket
client, _ = socket.socket(fileno=3).accept()
client.sendall(b"served")
`,
      },
    },
  );
  await crew.until("the other runs", ({ processes }) => processes["other"]!.state === "running");
  assertEquals((await crew.process("server")).starts, 0);
  for (let connections = 1; connections <= 30; connections++) {
    using client = await Deno.connect({
      transport: "unix",
      path: `${crew.projectDir}/s/web`,
    });
    const buffer = new Uint8Array(10);
    const count = await client.read(buffer);
    assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "served");
  }
  await crew.until("it completed", ({ processes }) => processes["server"]!.state === "completed");
  assertEquals((await crew.process("server")).starts, 30);
  const waits = crew.events().filter((event) => event.event === "connectionWaits");
  assertEquals(waits.length, 30);
  assertEquals((await crew.stop()).code, 0);
});

Deno.test("clients that fail a lazy server for good are refused, others of the crew live on", async () => {
  await using crew = await startCrew(`
import { command, defineConfig, listen } from "coxswain";
export default defineConfig({
  name: "lazy-failed",
  processes: {
    server: { run: command(["false"]), restart: { policy: "temporary" } },
    other: { run: command(["sleep", "1000"]) },
  },
  channels: {
    web: listen({ server: "server.web", unix: { path: "./s/web" }, clients: "anyone", lazy: true }),
  },
});`);
  const path = `${crew.projectDir}/s/web`;
  using _client = await Deno.connect({ transport: "unix", path });
  const snapshot = await crew.until(
    "it failed and the listener is closed",
    ({ processes, channels }) =>
      processes["server"]!.state === "failed" && channels["web"]!.kind === "listen" &&
      !channels["web"]!.listening,
  );
  assertEquals(snapshot.processes["other"]!.state, "running");
  assertEquals(fileIdentity(path), null);
});

Deno.test({
  name: "declared clients with users of their own get in, others do not",
  ignore: Deno.uid() !== 0,
  async fn() {
    const try_ = `command(["/usr/bin/python3", "-SE", "/tmp/PLACE/try.py"])`;
    const place = `cox-clients-${crypto.randomUUID().slice(0, 8)}`;
    Deno.mkdirSync(`/tmp/${place}`);
    Deno.chmodSync(`/tmp/${place}`, 0o755);
    try {
      Deno.writeTextFileSync(
        `/tmp/${place}/try.py`,
        `
import socket
try:
    client = socket.socket(socket.AF_UNIX)
    client.connect("/tmp/${place}/own/web")
    print("got", client.recv(10).decode(), flush=True)
except OSError as error:
    print("refused", error.errno, flush=True)
`,
      );
      const run = try_.replace("PLACE", place);
      await using crew = await startCrew(
        `
import { command, defineConfig, listen } from "coxswain";
const restart = { policy: "temporary" } as const;
export default defineConfig({
  name: "clients",
  processes: {
    server: { run: command(["/usr/bin/python3", "-SE", "server.py"]), user: "daemon", cwd: "/tmp/${place}" },
    friend: { run: ${run}, user: "games", cwd: "/tmp", restart },
    stranger: { run: ${run}, user: "nobody", cwd: "/tmp", restart },
  },
  channels: {
    web: listen({ server: "server.web", unix: { path: "/tmp/${place}/own/web" }, clients: ["friend"] }),
  },
});`.replace('"server.py"', `"/tmp/${place}/server.py"`),
        { waitForControl: false },
      );
      Deno.writeTextFileSync(
        `/tmp/${place}/server.py`,
        `
import socket
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.sendall(b"in")
    client.close()
`,
      );
      await crew.until(
        "both have tried",
        ({ processes }) =>
          ["friend", "stranger"].every((name) => processes[name]!.state === "completed"),
      );
      await eventually(
        "both have said how it went",
        () =>
          /friend.*(got|refused)/.test(crew.output()) && /stranger.*refused/.test(crew.output()),
      );
      assertStringIncludes(crew.output(), "got in");
      // EACCES: the directory cannot be passed.
      assertEquals(/stranger .*refused 13/.test(crew.output()), true, crew.output());
      const directory = fileIdentity(`/tmp/${place}/own`)!;
      assertEquals(directory.mode, 0o750);
      assert(directory.gid >= 0x7000_0000);
    } finally {
      await Deno.remove(`/tmp/${place}`, { recursive: true });
    }
  },
});

Deno.test("cox check says who gets in to each listener, and warns of trusted clients and public hosts", async () => {
  const dir = Deno.makeTempDirSync({ prefix: "cox-test-" });
  try {
    Deno.writeTextFileSync(
      `${dir}/supervisor.config.ts`,
      `
import { command, defineConfig, deno, listen } from "coxswain";
export default defineConfig({
  name: "check",
  processes: {
    server: { run: command(["true"]) },
    ours: { run: deno("./ours.ts") },
    friend: { run: command(["true"]) },
  },
  channels: {
    a: listen({ server: "server.a", unix: { path: "./own/socket" }, clients: ["friend"] }),
    b: listen({ server: "server.b", tcp: { port: 1, host: "0.0.0.0" }, clients: "anyone" }),
    c: listen({ server: "ours.c", unix: { path: "./ours/c" }, clients: ["friend"] }),
    d: listen({
      server: "ours.d",
      unix: { path: "./d/d" },
      clients: "anyone",
      limits: { connections: 9, perSecond: 4 },
    }),
  },
});`,
    );
    Deno.writeTextFileSync(`${dir}/ours.ts`, "");
    const [command = "", ...args] = coxCommand(["check"]);
    const { code, stderr, stdout } = await new Deno.Command(command, {
      args,
      cwd: dir,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
    assertEquals(code, 0, text);
    assertStringIncludes(text, 'trusted, not checked: "friend"');
    assertStringIncludes(text, "other machines can connect to 0.0.0.0");
    for (
      const line of [
        `a: server on ${dir}/own/socket; clients: friend, by directory and group; ` +
        "no limit but the backlog of 1024",
        "b: server on 0.0.0.0:1; clients: anyone who can reach it; no limit but the backlog of 1024",
        `c: ours on ${dir}/ours/c; clients: friend, by directory and credentials; no limit`,
        `d: ours on ${dir}/d/d; clients: anyone who can reach it; ` +
        "at most 9 connections at once, 4 a second in each instance",
      ]
    ) assertStringIncludes(text, line);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});
