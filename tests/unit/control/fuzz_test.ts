// Malformed requests, seeded: always an answer or a close, never a crash.
import { assert, assertEquals } from "@std/assert";
import { connectControl } from "../../../src/control/client.ts";
import { startControlServer } from "../../../src/control/server.ts";
import { Reactor } from "../../../src/os/reactor.ts";

const LINES = 10_000;
const SEED = 0x5eed;

/** mulberry32: reproducible and small. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296;
  };
}

const encoder = new TextEncoder();
const SEEDS: readonly string[] = [
  '{"jsonrpc":"2.0","id":1,"method":"snapshot","params":{}}',
  '{"jsonrpc":"2.0","id":"a","method":"stop","params":{"name":"web","wait":true}}',
  '{"jsonrpc":"2.0","id":null,"method":"events","params":{"since":3,"follow":true}}',
  '[{"jsonrpc":"2.0","id":1,"method":"version"}]',
  '{"jsonrpc":"2.0","id":1,"method":"signal","params":{"name":"a","signal":"SIGHUP"}}',
  '{"__proto__":{"jsonrpc":"2.0"},"id":1,"method":"constructor"}',
];
const SPLICES: readonly string[] = ['"', "{", "}", "[", "]", "\\u0000", "1e999", "-0", "null", ":"];

/** One line, without a newline inside; how it is mutated depends on `draw` alone. */
function mutate(draw: () => number): Uint8Array {
  const pick = <T>(from: readonly T[]): T => from[Math.floor(draw() * from.length)]!;
  let bytes = encoder.encode(pick(SEEDS));
  for (let times = Math.floor(draw() * 5); times > 0; times--) {
    const at = Math.floor(draw() * bytes.length);
    const kind = draw();
    if (kind < 0.3) {
      bytes = bytes.map((byte, index) => index === at ? Math.floor(draw() * 256) : byte);
    } else if (kind < 0.5) bytes = bytes.slice(0, at);
    else if (kind < 0.8) {
      bytes = new Uint8Array([
        ...bytes.slice(0, at),
        ...encoder.encode(pick(SPLICES)),
        ...bytes.slice(at),
      ]);
    } else if (kind < 0.95) bytes = new Uint8Array([...bytes, ...bytes.slice(at)]);
    else bytes = encoder.encode("[".repeat(Math.floor(draw() * 20_000)));
  }
  return bytes.map((byte) => byte === 0x0a ? 0x20 : byte);
}

/** What the peer must expect of a line, told without the code under test: null for no answer. */
function expectsAnswer(bytes: Uint8Array): boolean {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return true;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return true;
  if (Object.hasOwn(value, "id")) return true;
  const message = value as { jsonrpc?: unknown; method?: unknown };
  const wellFormed = message.jsonrpc === "2.0" && typeof message.method === "string" &&
    Object.keys(message).every((key) => ["jsonrpc", "method", "params"].includes(key));
  return !wellFormed;
}

Deno.test("ControlServer answers each of 10,000 malformed lines, or closes, and stays well", async () => {
  const dir = await Deno.makeTempDir();
  const path = `${dir}/control.sock`;
  const bugs: unknown[] = [];
  using reactor = new Reactor();
  const server = startControlServer({
    path,
    reactor,
    limits: { requestBytesMax: 65_536, requestTimeoutNs: 60e9, controlConnectionsMax: 8 },
    ownUid: Deno.uid() ?? 0,
    peerOf: () => ({ pid: 1, uid: 0 }),
    handler: { call: () => Promise.resolve(null) },
    onBug: (error) => bugs.push(error),
  });
  await using _closing = { [Symbol.asyncDispose]: () => server.close() };
  const draw = random(SEED);
  let answers = 0;
  let wanted = 0;
  for (let sent = 0; sent < LINES; sent += 500) {
    const lines = Array.from({ length: 500 }, () => mutate(draw));
    wanted += lines.filter(expectsAnswer).length;
    const conn = await Deno.connect({ transport: "unix", path });
    const reading = new Response(conn.readable).text();
    for (const line of lines) {
      const bytes = new Uint8Array([...line, 0x0a]);
      for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
    }
    await conn.closeWrite();
    for (const line of (await reading).split("\n").filter((text) => text !== "")) {
      const answer = JSON.parse(line);
      assertEquals(answer.jsonrpc, "2.0");
      assert(Object.hasOwn(answer, "id"));
      assert(Object.hasOwn(answer, "result") !== Object.hasOwn(answer, "error"), line);
      answers++;
    }
  }
  assertEquals(answers, wanted, `seed ${SEED}`);
  assert(wanted > LINES / 2);
  assertEquals(bugs, []);
  {
    using client = await connectControl(path);
    assertEquals(await client.call("snapshot", {}) as unknown, null);
  }
  await server.close();
  await Deno.remove(dir, { recursive: true });
});
