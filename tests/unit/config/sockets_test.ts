import { assertEquals } from "@std/assert";
import type { ConfigIssue } from "../../../src/config/config.ts";
import { command, listen, socket } from "../../../src/config/define.ts";
import { validateConfig } from "../../../src/config/validate.ts";

function issuesOf(channel: unknown, processes: Record<string, unknown> = {}): ConfigIssue[] {
  const run = command(["true"]);
  return validateConfig({
    name: "crew",
    processes: { a: { run }, b: { run }, ...processes },
    channels: { c: channel },
  }).issues;
}

/** Path and message of the only issue. */
function only(channel: unknown, processes: Record<string, unknown> = {}): [string, string] {
  const issues = issuesOf(channel, processes);
  assertEquals(issues.length, 1, JSON.stringify(issues, null, 1));
  return [issues[0]!.path.join("."), issues[0]!.message];
}

const unix = { path: "./s/socket" };

Deno.test("validateConfig() takes what socket() and listen() make", () => {
  assertEquals(issuesOf(socket({ between: ["a.x", "b.y"] })), []);
  assertEquals(issuesOf(socket({ between: ["a.x", "b.y"], type: "datagram", ends: "hold" })), []);
  const tcp = { port: 65535, host: "::1" };
  assertEquals(issuesOf(listen({ server: "a.http", tcp, clients: "anyone", lazy: true })), []);
  const all = { ...unix, mode: "0660", owner: 0 };
  assertEquals(issuesOf(listen({ server: "a.http", unix: all, clients: ["b"], backlog: 1 })), []);
});

Deno.test("validateConfig() refuses a pair of one process, of replicas, of a standard stream", () => {
  assertEquals(only(socket({ between: ["a.x", "a.y"] })), [
    "channels.c.between.1",
    'both ends would belong to "a"',
  ]);
  assertEquals(
    only(socket({ between: ["a.x", "b.y"] }), { a: { run: command(["true"]), replicas: 2 } }),
    [
      "channels.c.between.0",
      'a pair joins two processes, and "a" has replicas',
    ],
  );
  assertEquals(only({ kind: "pair", between: ["a.stdout", "b.y"] }), [
    "channels.c.between.0",
    '"between" must be no standard stream, is "a.stdout"',
  ]);
  assertEquals(
    only(socket({ between: ["a.x", "b.y"], type: "datagram", ends: "eof" }))[0],
    "channels.c.ends",
  );
});

Deno.test("validateConfig() refuses a listener without one address, with a name for one", () => {
  const none = only({ kind: "listen", server: "a.x", clients: "anyone" });
  assertEquals(none, ["channels.c", 'a listener must have one of "unix" and "tcp"']);
  const both = { kind: "listen", server: "a.x", clients: "anyone", unix, tcp: { port: 1 } };
  assertEquals(only(both), none);
  for (const host of ["localhost", "1.2.3", "1.2.3.4.", "256.1.1.1", "::g"]) {
    const path = only(listen({ server: "a.x", tcp: { port: 1, host }, clients: "anyone" }))[0];
    assertEquals(path, "channels.c.tcp.host", host);
  }
  for (const port of [0, 65536]) {
    const path = only(listen({ server: "a.x", tcp: { port }, clients: "anyone" }))[0];
    assertEquals(path, "channels.c.tcp.port");
  }
});

Deno.test("validateConfig() warns of a host that others can reach, not of loopback", () => {
  for (const host of ["0.0.0.0", "::", "192.168.1.1", "128.0.0.1"]) {
    const [issue] = issuesOf(listen({ server: "a.x", tcp: { port: 1, host }, clients: "anyone" }));
    assertEquals([issue?.severity, issue?.path.join(".")], ["warning", "channels.c.tcp.host"]);
  }
  for (const host of ["127.0.0.1", "127.9.9.9", "::1", "0:0:0:0:0:0:0:1"]) {
    assertEquals(
      issuesOf(listen({ server: "a.x", tcp: { port: 1, host }, clients: "anyone" })),
      [],
    );
  }
});

Deno.test("validateConfig() refuses clients that are unknown, doubled, or of a TCP port", () => {
  const declared = (clients: string[], more: object = {}) => ({
    kind: "listen",
    server: "a.x",
    unix,
    clients,
    ...more,
  });
  assertEquals(only(declared(["z"]))[0], "channels.c.clients.0");
  assertEquals(only(declared(["b", "b"]))[0], "channels.c.clients.1");
  assertEquals(only(declared([]))[0], "channels.c.clients");
  assertEquals(
    only({ kind: "listen", server: "a.x", tcp: { port: 1 }, clients: ["b"] })[0],
    "channels.c.clients",
  );
  assertEquals(only(declared(["b"], { unix: { ...unix, group: 0 } }))[0], "channels.c.unix.group");
  assertEquals(only({ kind: "listen", server: "a.x", unix })[0], "channels.c.clients");
});

Deno.test("validateConfig() refuses tasks as servers, and readiness on a listener's descriptor", () => {
  const channel = listen({ server: "a.x", unix, clients: "anyone" });
  const taskRun = { kind: "task", name: "serve" };
  assertEquals(only(channel, { a: { run: taskRun } })[0], "channels.c.server");
  const ready = (fd: number) => ({ a: { run: command(["true"]), ready: { by: "fd", fd } } });
  assertEquals(only(channel, ready(3)), [
    "processes.a.ready.fd",
    'descriptors 3 to 3 are the listening sockets of "a"',
  ]);
  assertEquals(issuesOf(channel, ready(4)), []);
});

Deno.test("validateConfig() refuses to wait for a lazy server, and half a lazy one", () => {
  const lazy = listen({ server: "a.x", unix, clients: "anyone", lazy: true });
  const run = command(["true"]);
  assertEquals(only(lazy, { b: { run, after: { a: "ready" } } })[0], "processes.b.after.a");
  const eager = listen({ server: "a.y", unix: { path: "./t" }, clients: "anyone" });
  const { issues } = validateConfig({
    name: "crew",
    processes: { a: { run } },
    channels: { lazy, eager },
  });
  assertEquals(issues.map(({ path }) => path.join(".")), ["channels.eager.lazy"]);
});

Deno.test("validateConfig() takes access and limits where our client keeps them, and nowhere else", () => {
  const declared = { server: "a.x", unix, clients: ["b"] } as const;
  const denoServer = { a: { run: { kind: "deno", path: "./a.ts" } } };
  const commandServer = { a: { run: command(["true"]) } };
  for (const access of ["directory", "credentials"] as const) {
    assertEquals(issuesOf(listen({ ...declared, access }), denoServer), []);
  }
  assertEquals(issuesOf(listen({ ...declared, access: "directory" }), commandServer), []);
  assertEquals(only(listen({ ...declared, access: "credentials" }), commandServer), [
    "channels.c.access",
    '"a" is no deno() program: it accepts by itself, before anybody could be checked',
  ]);
  const open = { server: "a.x", unix, clients: "anyone" } as const;
  assertEquals(only(listen({ ...open, access: "directory" }))[0], "channels.c.access");
  const limits = { connections: 1, perSecond: 1 };
  assertEquals(issuesOf(listen({ ...open, limits }), denoServer), []);
  assertEquals(only(listen({ ...open, limits }), commandServer)[0], "channels.c.limits");
  assertEquals(only(listen({ ...open, limits: {} }), denoServer)[0], "channels.c.limits");
  for (const [key, max] of [["connections", 65_535], ["perSecond", 1_000_000]] as const) {
    const at = (value: number) =>
      issuesOf(listen({ ...open, limits: { [key]: value } }), denoServer)
        .map(({ path }) => path.join("."));
    assertEquals([at(1), at(max)], [[], []]);
    assertEquals([at(0), at(max + 1)], [[`channels.c.limits.${key}`], [
      `channels.c.limits.${key}`,
    ]]);
  }
});
