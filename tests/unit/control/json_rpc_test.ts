// The envelope codec: what is accepted, what each defect is answered with.
import { assert, assertEquals } from "@std/assert";
import { formatRequest, parseAnswer, parseRequest } from "../../../src/control/json_rpc.ts";
import { checkCall, METHOD_NAMES } from "../../../src/control/params.ts";
import { RPC_ERROR } from "../../../src/control/protocol.ts";

Deno.test("parseRequest() accepts ids of text, number and null, and tells them apart from none", () => {
  for (const id of ["a", "", 0, -1, 1.5, null]) {
    const parsed = parseRequest(JSON.stringify({ jsonrpc: "2.0", id, method: "m" }));
    assertEquals(parsed, { kind: "request", id, method: "m", params: {} });
  }
  const notification = parseRequest('{"jsonrpc":"2.0","method":"m","params":{"a":1}}');
  assertEquals(notification, { kind: "notification", method: "m", params: { a: 1 } });
});

Deno.test("parseRequest() names each defect with its code and gives the id back where it can", () => {
  const cases: readonly [line: string, code: number, id: unknown][] = [
    ["", RPC_ERROR.parse, null],
    ["{", RPC_ERROR.parse, null],
    ["nul", RPC_ERROR.parse, null],
    ["[]", RPC_ERROR.invalidRequest, null],
    ['[{"jsonrpc":"2.0","id":1,"method":"m"}]', RPC_ERROR.invalidRequest, null],
    ["null", RPC_ERROR.invalidRequest, null],
    ["17", RPC_ERROR.invalidRequest, null],
    ['{"id":1,"method":"m"}', RPC_ERROR.invalidRequest, 1],
    ['{"jsonrpc":"1.0","id":1,"method":"m"}', RPC_ERROR.invalidRequest, 1],
    ['{"jsonrpc":"2.0","id":1}', RPC_ERROR.invalidRequest, 1],
    ['{"jsonrpc":"2.0","id":1,"method":2}', RPC_ERROR.invalidRequest, 1],
    ['{"jsonrpc":"2.0","id":1,"method":"m","extra":1}', RPC_ERROR.invalidRequest, 1],
    ['{"jsonrpc":"2.0","id":{},"method":"m"}', RPC_ERROR.invalidRequest, null],
    ['{"jsonrpc":"2.0","id":true,"method":"m"}', RPC_ERROR.invalidRequest, null],
    ['{"jsonrpc":"2.0","id":1e999,"method":"m"}', RPC_ERROR.invalidRequest, null],
    ['{"jsonrpc":"2.0","id":"x","method":"m","params":[1]}', RPC_ERROR.invalidParams, "x"],
    ['{"jsonrpc":"2.0","id":"x","method":"m","params":null}', RPC_ERROR.invalidParams, "x"],
  ];
  for (const [line, code, id] of cases) {
    const parsed = parseRequest(line);
    assert(parsed.kind === "invalid", line);
    assertEquals([parsed.error.code, parsed.id], [code, id], line);
  }
});

Deno.test("parseRequest() executes no notification whose params are not by name", () => {
  assertEquals(parseRequest('{"jsonrpc":"2.0","method":"shutdown","params":[1]}'), {
    kind: "ignored",
  });
});

Deno.test("parseAnswer() reads back results, errors and notifications, and nothing else", () => {
  assertEquals(parseAnswer('{"jsonrpc":"2.0","id":1,"result":null}'), {
    kind: "result",
    id: 1,
    result: null,
  });
  assertEquals(parseAnswer('{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"x"}}'), {
    kind: "error",
    id: null,
    error: { code: -1, message: "x", data: undefined },
  });
  assertEquals(parseAnswer(formatRequest(1, "event", { seq: 1 })), {
    kind: "notification",
    method: "event",
    params: { seq: 1 },
  });
  for (const line of ["", "[]", "{}", '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","result":1}']) {
    assertEquals(parseAnswer(line).kind, "invalid", line);
  }
});

Deno.test("checkCall() knows every method, refuses unknown names, keys, kinds and lengths", () => {
  assertEquals(METHOD_NAMES.length, 11);
  const name = (size: number) => ({ name: "n".repeat(size) });
  assertEquals(checkCall("stop", name(1)), null);
  assertEquals(checkCall("stop", name(256)), null);
  assertEquals(checkCall("stop", { name: "a", wait: false }), null);
  const names = (count: number) => ({ name: new Array<string>(count).fill("n") });
  assertEquals(checkCall("stop", names(1)), null);
  assertEquals(checkCall("stop", names(1024)), null);
  assertEquals(checkCall("events", { since: 0, follow: true }), null);
  assertEquals(checkCall("stpo", {})?.code, RPC_ERROR.methodNotFound);
  assertEquals(checkCall("toString", {})?.code, RPC_ERROR.methodNotFound);
  const bad: readonly [string, Record<string, unknown>][] = [
    ["stop", {}],
    ["stop", name(0)],
    ["stop", name(257)],
    ["stop", { name: 1 }],
    ["stop", names(0)],
    ["stop", names(1025)],
    ["stop", { name: ["a", 1] }],
    ["stop", { name: ["a", ""] }],
    ["signal", { name: ["a"], signal: "HUP" }],
    ["stop", { name: "a", wait: "yes" }],
    ["stop", { name: "a", now: true }],
    ["version", { a: 1 }],
    ["version", JSON.parse('{"__proto__":1}')],
    ["events", { since: -1 }],
    ["events", { since: 0.5 }],
    ["signal", { name: "a" }],
  ];
  for (const [method, params] of bad) {
    assertEquals(checkCall(method, params)?.code, RPC_ERROR.invalidParams, method);
  }
});
