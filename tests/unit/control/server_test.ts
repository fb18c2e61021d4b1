// The control server over real sockets: answers, refusals and every limit.
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import type { EventRecord } from "../../../src/audit/event_record.ts";
import { connectControl, NoSupervisorError } from "../../../src/control/client.ts";
import { ControlError } from "../../../src/control/control_error.ts";
import { RPC_ERROR } from "../../../src/control/protocol.ts";
import {
  type Connection,
  type ControlHandler,
  type ControlServer,
  type ControlServerOptions,
  startControlServer,
} from "../../../src/control/server.ts";
import { Reactor } from "../../../src/os/reactor.ts";

const LIMITS = {
  requestBytesMax: 65_536,
  requestTimeoutNs: 20e9,
  controlConnectionsMax: 64,
};

interface Fixture extends AsyncDisposable {
  readonly path: string;
  readonly server: ControlServer;
  readonly bugs: unknown[];
}

async function serve(
  call: ControlHandler["call"],
  options: Partial<ControlServerOptions> = {},
): Promise<Fixture> {
  const dir = await Deno.makeTempDir({ prefix: "cox-control-" });
  const path = `${dir}/control.sock`;
  const bugs: unknown[] = [];
  const reactor = new Reactor();
  const server = startControlServer({
    path,
    reactor,
    limits: LIMITS,
    ownUid: Deno.uid() ?? 0,
    peerOf: () => ({ pid: Deno.pid, uid: Deno.uid() ?? 0 }),
    handler: { call },
    onBug: (error) => bugs.push(error),
    ...options,
  });
  return {
    path,
    server,
    bugs,
    async [Symbol.asyncDispose]() {
      await server.close();
      reactor.close();
      await Deno.remove(dir, { recursive: true });
    },
  };
}

const version: ControlHandler["call"] = () => Promise.resolve({ cox: "0.0.0", pid: 1 });

/** A raw connection that reads lines. */
class Raw implements Disposable {
  #text = "";
  readonly #conn: Deno.UnixConn;
  readonly #decoder = new TextDecoder();
  private constructor(conn: Deno.UnixConn) {
    this.#conn = conn;
  }
  static async open(path: string): Promise<Raw> {
    return new Raw(await Deno.connect({ transport: "unix", path }));
  }
  async send(text: string | Uint8Array): Promise<void> {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    for (let at = 0; at < bytes.length;) at += await this.#conn.write(bytes.subarray(at));
  }
  /** The next line, or null at the end. */
  async line(): Promise<string | null> {
    const chunk = new Uint8Array(65_536);
    for (;;) {
      const at = this.#text.indexOf("\n");
      if (at >= 0) {
        const line = this.#text.slice(0, at);
        this.#text = this.#text.slice(at + 1);
        return line;
      }
      try {
        const size = await this.#conn.read(chunk);
        if (size === null) return null;
        this.#text += this.#decoder.decode(chunk.subarray(0, size), { stream: true });
      } catch {
        return null;
      }
    }
  }
  async json(): Promise<
    { id?: unknown; result?: unknown; error?: { code: number; message: string } }
  > {
    const line = await this.line();
    assert(line !== null, "the connection ended without an answer");
    return JSON.parse(line);
  }
  [Symbol.dispose](): void {
    try {
      this.#conn.close();
    } catch { /* closed by the test */ }
  }
}

const VERSION_LINE = '{"jsonrpc":"2.0","id":1,"method":"version"}\n';

async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 20_000;
  while (!condition()) {
    assert(performance.now() < limit, "the condition did not come true in 20 s");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

Deno.test("startControlServer() makes a socket of mode 0600 and removes it at close()", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/control.sock`;
  using reactor = new Reactor();
  const start = () =>
    startControlServer({
      path,
      reactor,
      limits: LIMITS,
      ownUid: Deno.uid() ?? 0,
      peerOf: () => ({ pid: 1, uid: 0 }),
      handler: { call: version },
    });
  const server = start();
  assertEquals((await Deno.lstat(path)).mode! & 0o777, 0o600);
  await server.close();
  await server.close();
  await assertRejects(() => Deno.lstat(path), Deno.errors.NotFound);
  await Deno.remove(dir, { recursive: true });
});

Deno.test("startControlServer() takes over a dead socket and refuses anything else there", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/control.sock`;
  using reactor = new Reactor();
  const start = (at = path) =>
    startControlServer({
      path: at,
      reactor,
      limits: LIMITS,
      ownUid: Deno.uid() ?? 0,
      peerOf: () => ({ pid: 1, uid: 0 }),
      handler: { call: version },
    });
  // Bound and never listened on again: what a killed supervisor leaves.
  const child = await new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      `Deno.listen({transport:"unix",path:${JSON.stringify(path)}});Deno.kill(Deno.pid,"SIGKILL")`,
    ],
  }).output();
  assertEquals(child.signal, "SIGKILL");
  assert((await Deno.lstat(path)).isSocket);
  await assertRejects(() => connectControl(path), NoSupervisorError, "start one with `cox up`");
  await start().close();
  await Deno.symlink("/etc/passwd", path);
  assertThrows(() => start(), Error, "something that is not a socket");
  assertThrows(() => start(`${dir}/${"x".repeat(120)}`), Error, "at most 107 bytes");
  await Deno.remove(dir, { recursive: true });
});

Deno.test("connectControl() says that no supervisor runs, and refuses what is no socket", async () => {
  const dir = await Deno.makeTempDir();
  await assertRejects(
    () => connectControl(`${dir}/none`, { label: "vitals" }),
    NoSupervisorError,
    "no supervisor is running for vitals; start one with `cox up`",
  );
  await Deno.writeTextFile(`${dir}/file`, "");
  await assertRejects(() => connectControl(`${dir}/file`), Error, "is not a socket");
  if (Deno.uid() === 0) {
    const listener = Deno.listen({ transport: "unix", path: `${dir}/theirs` });
    await Deno.chown(`${dir}/theirs`, 65534, 65534);
    await assertRejects(() => connectControl(`${dir}/theirs`), Error, "belongs to uid 65534");
    listener.close();
  }
  await Deno.remove(dir, { recursive: true });
});

Deno.test("ControlClient.call() gives results, refusals with their data, and bugs as internal", async () => {
  await using fixture = await serve((method, params) => {
    if (method === "version") return Promise.resolve({ cox: "1", pid: 7 });
    if (method === "stop") {
      throw new ControlError(RPC_ERROR.unknownName, `no process "${params.name}"`, {
        didYouMean: "web",
      });
    }
    return Promise.reject(new TypeError("oops"));
  });
  using client = await connectControl(fixture.path);
  assertEquals(await client.call("version", {}), { cox: "1", pid: 7 });
  const refusal = await assertRejects(() => client.call("stop", { name: "wbe" }), ControlError);
  assertEquals([refusal.code, refusal.message, refusal.data], [
    RPC_ERROR.unknownName,
    'no process "wbe"',
    { didYouMean: "web" },
  ]);
  const bug = await assertRejects(() => client.call("snapshot", {}), ControlError);
  assertEquals(bug.code, RPC_ERROR.internal);
  assertEquals(fixture.bugs.length, 1);
});

Deno.test("ControlClient.call() gives up after timeoutMs, and when the server closes", async () => {
  await using fixture = await serve(() => new Promise(() => {}));
  using client = await connectControl(fixture.path);
  await assertRejects(() => client.call("version", {}, { timeoutMs: 5 }), Error, "within 5 ms");
  const refused = assertRejects(
    () => client.call("version", {}, { timeoutMs: null }),
    Error,
    "closed the connection",
  );
  await fixture.server.close();
  await refused;
  await client.closed;
});

Deno.test("ControlClient.events() yields notifications in order and ends with the connection", async () => {
  let connection: Connection | null = null;
  await using fixture = await serve((_method, _params, _peer, from) => {
    connection = from;
    return Promise.resolve({ events: [], next: 1 });
  });
  using client = await connectControl(fixture.path);
  await client.call("events", { follow: true });
  for (let seq = 1; seq <= 1000; seq++) connection!.notify("event", { seq });
  const seen: number[] = [];
  const closing = { done: false };
  for await (const record of client.events()) {
    seen.push((record as EventRecord).seq);
    if (seen.length === 1000 && !closing.done) {
      closing.done = true;
      fixture.server.close();
    }
  }
  assertEquals(seen, Array.from({ length: 1000 }, (_, index) => index + 1));
});

Deno.test("ControlServer closes a peer that is neither ours nor root with `forbidden`", async () => {
  let calls = 0;
  await using fixture = await serve(() => Promise.resolve(++calls), {
    peerOf: () => ({ pid: 1, uid: 54321 }),
  });
  using raw = await Raw.open(fixture.path);
  await raw.send(VERSION_LINE).catch(() => {});
  assertEquals((await raw.json()).error?.code, RPC_ERROR.forbidden);
  assertEquals(await raw.line(), null);
  assertEquals([calls, fixture.server.connectionCount], [0, 0]);
});

Deno.test("ControlServer drops a connection whose peer cannot be told", async () => {
  await using fixture = await serve(version, {
    peerOf: () => {
      throw new Error("ENOTCONN");
    },
  });
  using raw = await Raw.open(fixture.path);
  assertEquals(await raw.line(), null);
});

Deno.test("ControlServer answers a line of requestBytesMax bytes and refuses one byte more", async () => {
  await using fixture = await serve(version);
  const padded = (size: number) => VERSION_LINE.trimEnd().padEnd(size, " ") + "\n";
  using fits = await Raw.open(fixture.path);
  await fits.send(padded(LIMITS.requestBytesMax));
  assertEquals((await fits.json()).id, 1);
  using over = await Raw.open(fixture.path);
  await over.send(padded(LIMITS.requestBytesMax + 1)).catch(() => {});
  const answer = await over.json();
  assertEquals([answer.id, answer.error?.code], [null, RPC_ERROR.limit]);
  assertStringIncludes(answer.error!.message, "at most 65536 bytes");
  assertEquals(await over.line(), null);
});

Deno.test("ControlServer closes who never begins, and who never ends, a line", async () => {
  await using fixture = await serve(version, {
    limits: { ...LIMITS, requestTimeoutNs: 1e9 },
  });
  using silent = await Raw.open(fixture.path);
  using half = await Raw.open(fixture.path);
  await half.send(VERSION_LINE + '{"jsonrpc"');
  assertEquals((await half.json()).id, 1);
  assertEquals((await half.json()).error?.code, RPC_ERROR.limit);
  assertEquals(await half.line(), null);
  assertEquals((await silent.json()).error?.code, RPC_ERROR.limit);
  assertEquals(await silent.line(), null);
});

Deno.test("ControlServer keeps a connection that finished its request open between requests", async () => {
  await using fixture = await serve(version, { limits: { ...LIMITS, requestTimeoutNs: 1e9 } });
  using raw = await Raw.open(fixture.path);
  await raw.send(VERSION_LINE);
  await raw.json();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  await raw.send(VERSION_LINE);
  assertEquals((await raw.json()).id, 1);
});

Deno.test("ControlServer answers a request among a thousand idle and half-written connections", async () => {
  await using fixture = await serve(version);
  const idle: Deno.UnixConn[] = [];
  using before = await connectControl(fixture.path);
  await before.call("version", {});
  for (let index = 0; index < 1000; index++) {
    const conn = await Deno.connect({ transport: "unix", path: fixture.path });
    idle.push(conn);
    if (index % 2 === 1) await conn.write(new TextEncoder().encode('{"jsonrpc":"2.0",'));
  }
  using client = await connectControl(fixture.path);
  assertEquals(await client.call("version", {}), { cox: "0.0.0", pid: 1 });
  // The one that had finished a request was not the one to go.
  assertEquals(await before.call("version", {}), { cox: "0.0.0", pid: 1 });
  await until(() => fixture.server.connectionCount <= LIMITS.controlConnectionsMax);
  for (const conn of idle) conn.close();
});

Deno.test("ControlServer at its maximum lets the oldest that rests go, never one that works", async () => {
  const release = Promise.withResolvers<void>();
  await using fixture = await serve(async (method) => {
    if (method === "snapshot") await release.promise;
    return null;
  }, { limits: { ...LIMITS, controlConnectionsMax: 2 } });
  using busy = await Raw.open(fixture.path);
  await busy.send('{"jsonrpc":"2.0","id":"b","method":"snapshot"}\n');
  using rested = await Raw.open(fixture.path);
  await rested.send(VERSION_LINE);
  await rested.json();
  using newest = await Raw.open(fixture.path);
  await newest.send(VERSION_LINE);
  assertEquals((await newest.json()).id, 1);
  assertEquals((await rested.json()).error?.code, RPC_ERROR.limit);
  release.resolve();
  assertEquals((await busy.json()).id, "b");
});

Deno.test("ControlServer drops a follower that does not read and keeps serving others", async () => {
  let connection: Connection | null = null;
  const gone = Promise.withResolvers<void>();
  await using fixture = await serve((method, _params, _peer, from) => {
    if (method === "events") {
      connection = from;
      from.onClose(() => gone.resolve());
    }
    return Promise.resolve(null);
  });
  using deaf = await Raw.open(fixture.path);
  await deaf.send('{"jsonrpc":"2.0","id":1,"method":"events","params":{"follow":true}}\n');
  await until(() => connection !== null);
  const text = "x".repeat(1024);
  let sent = 0;
  while (connection!.notify("event", { text })) {
    sent++;
    assert(sent < 100_000, "the queue has no limit");
    if (sent % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  using other = await connectControl(fixture.path);
  await other.call("version", {});
  await gone.promise;
  assertEquals(connection!.notify("event", {}), false);
});

Deno.test("ControlServer answers pipelined requests beyond its running limit, each once", async () => {
  let running = 0;
  let mostRunning = 0;
  await using fixture = await serve(async () => {
    mostRunning = Math.max(mostRunning, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    return null;
  });
  using raw = await Raw.open(fixture.path);
  let text = "";
  for (let id = 0; id < 500; id++) text += `{"jsonrpc":"2.0","id":${id},"method":"version"}\n`;
  await raw.send(text);
  const ids = new Set<unknown>();
  for (let index = 0; index < 500; index++) ids.add((await raw.json()).id);
  assertEquals(ids.size, 500);
  assert(mostRunning <= 32, `${mostRunning} ran at once`);
});

Deno.test("ControlServer executes a notification without answering it", async () => {
  const seen: string[] = [];
  await using fixture = await serve((method) => {
    seen.push(method);
    return Promise.resolve(null);
  });
  using raw = await Raw.open(fixture.path);
  await raw.send('{"jsonrpc":"2.0","method":"shutdown","params":{}}\n');
  await raw.send('{"jsonrpc":"2.0","method":"shutdown","params":[1]}\n');
  await raw.send('{"jsonrpc":"2.0","method":"nothing"}\n');
  await raw.send(VERSION_LINE);
  assertEquals((await raw.json()).id, 1);
  assertEquals(seen, ["shutdown", "version"]);
});

Deno.test("ControlServer.close() lets an answer that is under way leave", async () => {
  const [asked, release] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await using fixture = await serve(async () => {
    asked.resolve();
    await release.promise;
    return { accepted: true };
  });
  using raw = await Raw.open(fixture.path);
  await raw.send('{"jsonrpc":"2.0","id":9,"method":"shutdown"}\n');
  await asked.promise;
  const closing = fixture.server.close();
  release.resolve();
  assertEquals((await raw.json()).id, 9);
  await closing;
  assertEquals(await raw.line(), null);
});

Deno.test("ControlServer answers a client that closed its writing side", async () => {
  await using fixture = await serve(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    return null;
  });
  const conn = await Deno.connect({ transport: "unix", path: fixture.path });
  await conn.write(new TextEncoder().encode(VERSION_LINE));
  await conn.closeWrite();
  const text = await new Response(conn.readable).text();
  assertMatch(text, /"id":1,"result":null/);
});
