import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { ListenConfig } from "../../../src/config/config.ts";
import { listen, socket } from "../../../src/config/define.ts";
import type { ListenPlan, ProcessPlan } from "../../../src/plan/plan.ts";
import {
  commandProcess,
  compiled,
  crew,
  denoProcess,
  machine,
  onlyError,
  processNamed,
  warnings,
} from "./fixtures.ts";

const SHIM = "/opt/cox/src/process/pid_shim.sh";
const at = (path: string) => ({ unix: { path }, clients: "anyone" }) as const;
const envOf = (process: ProcessPlan) => Object.fromEntries(process.env);
const fdsOf = (process: ProcessPlan) =>
  process.descriptors.flatMap((entry) => entry.kind === "channel" ? [[entry.fd, entry.end]] : []);

Deno.test("compile() hands listeners to a command from descriptor 3, by the shim, ports after them", () => {
  const plan = compiled(crew({ web: commandProcess(), b: commandProcess() }, {
    channels: {
      talk: socket({ between: ["web.talk", "b.talk"] }),
      http: listen({ server: "web.http", ...at("./s/http") }),
      admin: listen({ server: "web.admin", ...at("./s/admin") }),
    },
  }));
  const web = processNamed(plan, "web");
  assertEquals(web.argv, ["/bin/sh", SHIM, "/usr/bin/cat"]);
  assertEquals(web.executable, "/bin/sh");
  const { LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID } = envOf(web);
  assertEquals([LISTEN_FDS, LISTEN_FDNAMES, LISTEN_PID], ["2", "http:admin", undefined]);
  assertEquals(fdsOf(web), [[3, "accept"], [4, "accept"], [5, "first"]]);
  const b = processNamed(plan, "b");
  assertEquals(b.argv, ["/usr/bin/cat"], "nobody else gets the shim");
  assertEquals(envOf(b)["LISTEN_FDS"], undefined);
  assertEquals(fdsOf(b), [[4, "second"]]);
});

Deno.test("compile() puts the shim before the chain that gives root away", () => {
  const plan = compiled(crew({ web: commandProcess({ user: "www" }) }, {
    channels: { http: listen({ server: "web.http", ...at("./s/http") }) },
  }));
  const { argv } = processNamed(plan, "web");
  assertEquals(argv.slice(0, 3), ["/bin/sh", SHIM, "/usr/bin/setpriv"]);
});

Deno.test("compile() gives a Deno server its listener as a link, without shim or variables", () => {
  const plan = compiled(crew({ web: denoProcess() }, {
    channels: { http: listen({ server: "web.http", ...at("./s/http"), backlog: 7 }) },
  }));
  const web = processNamed(plan, "web");
  assertEquals(web.argv[0], "/usr/bin/deno");
  assertEquals(fdsOf(web), [[4, "accept"]]);
  const { LISTEN_FDS, COX_LINKS } = envOf(web);
  assertEquals(LISTEN_FDS, undefined);
  assertEquals(JSON.parse(COX_LINKS!).links, [{
    name: "http",
    port: "http",
    fd: 4,
    kind: "listen",
    direction: "accept",
    limits: { capacityBytes: 0, backlog: 7 },
  }]);
});

Deno.test("compile() takes LISTEN_ variables of others out of a server's environment", () => {
  const process = commandProcess({ env: { LISTEN_PID: "1", LISTEN_FDS: "9" } });
  const plan = compiled(crew({ web: process }, {
    channels: { http: listen({ server: "web.http", ...at("./s/http") }) },
  }));
  const { LISTEN_FDS, LISTEN_PID } = envOf(processNamed(plan, "web"));
  assertEquals([LISTEN_FDS, LISTEN_PID], ["1", undefined]);
});

function listener(channel: ListenConfig, processes: Parameters<typeof crew>[0] = {}): ListenPlan {
  const plan = compiled(
    crew({ web: commandProcess(), ...processes }, { channels: { c: channel } }),
  );
  const [found] = plan.channels;
  assert(found?.kind === "listen");
  return found;
}

Deno.test("compile() resolves addresses, owners, modes and defaults", () => {
  const unix = { path: "./s/http", mode: "0640", owner: "www", group: "data" };
  const plan = listener(listen({ server: "web.http", unix, clients: "anyone" }));
  assertEquals(plan.address, {
    kind: "unix",
    path: "/project/s/http",
    mode: 0o640,
    uid: 33,
    gid: 50,
    directory: null,
  });
  const { backlog, lazy, clients } = plan;
  assertEquals({ backlog, lazy, clients }, { backlog: 1024, lazy: false, clients: "anyone" });
  const tcp = listener(listen({ server: "web.http", tcp: { port: 80 }, clients: "anyone" }));
  assertEquals(tcp.address, { kind: "tcp", host: "127.0.0.1", port: 80 });
});

Deno.test("compile() gives clients with users of their own the channel's group, besides theirs", () => {
  const channels = {
    c: listen({ server: "web.http", unix: { path: "./own/http" }, clients: ["friend"] }),
  };
  const processes = {
    web: commandProcess(),
    friend: commandProcess({ user: "www" }),
    other: commandProcess({ user: "www" }),
  };
  const plan = compiled(crew(processes, { channels }));
  const [channel] = plan.channels;
  assert(channel?.kind === "listen" && channel.address.kind === "unix");
  const { gid, directory, mode } = channel.address;
  assertEquals({ directory, mode }, { directory: { mode: 0o750, gid }, mode: 0o660 });
  assert(gid !== null && gid >= 0x7000_0000 && gid < 0x8000_0000);
  // www is a member of data, which setpriv would not know of with an explicit list.
  assert(processNamed(plan, "friend").argv.includes(`--groups=33,50,${gid}`));
  assert(processNamed(plan, "other").argv.includes("--init-groups"));
  assertEquals(warnings(crew(processes, { channels })), []);
});

Deno.test("compile() closes the directory where all clients are trusted, and warns", () => {
  const channels = {
    c: listen({ server: "web.http", unix: { path: "./own/http" }, clients: ["friend"] }),
  };
  const config = crew({ web: commandProcess(), friend: commandProcess() }, { channels });
  const [channel] = compiled(config).channels;
  assert(channel?.kind === "listen" && channel.address.kind === "unix");
  assertEquals(channel.address.directory, { mode: 0o700, gid: null });
  const [warning] = warnings(config);
  assertStringIncludes(warning!.message, 'trusted, not checked: "friend" runs as the same user');
});

Deno.test("compile() refuses a directory of its own that holds anything else", () => {
  const own = (path: string) => listen({ server: "web.http", unix: { path }, clients: ["web"] });
  const refusal = (channels: Record<string, ListenConfig>) =>
    onlyError(crew({ web: commandProcess() }, { channels })).message;
  assertStringIncludes(refusal({ c: own("./http") }), "also holds the project");
  assertStringIncludes(refusal({ c: own("/run/socket") }), "also holds the run directory");
  const other = listen({ server: "web.admin", ...at("./own/deeper/admin") });
  assertStringIncludes(refusal({ c: own("./own/http"), other }), 'the socket of channel "other"');
});

Deno.test("compile() refuses a path of 108 bytes, and takes one of 107", () => {
  const path = (bytes: number) => `/${"a".repeat(bytes - 1)}`;
  listener(listen({ server: "web.http", ...at(path(107)) }));
  const channels = { c: listen({ server: "web.http", ...at(path(108)) }) };
  const { message } = onlyError(crew({ web: commandProcess() }, { channels }));
  assertStringIncludes(message, "must be at most 107 bytes");
});

Deno.test("compile() refuses a write grant over a socket's directory, and foreign owners to users", () => {
  const channels = { c: listen({ server: "web.http", ...at("./data/http") }) };
  const writer = denoProcess({ permissions: { write: ["./data"] } });
  const { message } = onlyError(crew({ web: commandProcess(), writer }, { channels }));
  assertStringIncludes(message, "the directory of a socket");
  const owned = {
    c: listen({ server: "web.http", unix: { path: "./s/h", owner: "www" }, clients: "anyone" }),
  };
  const config = crew({ web: commandProcess() }, { channels: owned });
  assertStringIncludes(onlyError(config, machine({ uid: 1000 })).message, "only root");
});

Deno.test("compile() gives a Deno server with declared clients or limits a gate behind its ports", () => {
  const unix = { path: "./own/http" };
  const gateOf = (channel: Partial<ListenConfig>, web = denoProcess()) => {
    const plan = compiled(crew({ web, friend: commandProcess() }, {
      channels: {
        http: listen({ server: "web.http", unix, clients: "anyone", ...channel }),
        talk: socket({ between: ["web.talk", "friend.talk"] }),
      },
    }));
    const { descriptors, argv } = processNamed(plan, "web");
    const gate = descriptors.find(({ kind }) => kind === "gate")?.fd ?? null;
    const told = /"gateFd\\":(\d+|null)/.exec(decodeURIComponent(argv.join(" ")))?.[1];
    assertEquals(told, web.run.kind === "deno" ? `${gate}` : undefined);
    const [found] = plan.channels;
    assert(found?.kind === "listen");
    return [gate, found.checked, found.connectionsMax, found.connectionsPerSecond];
  };
  assertEquals(gateOf({}), [null, false, 0, 0]);
  assertEquals(gateOf({ clients: ["friend"] }), [6, true, 0, 0]);
  assertEquals(gateOf({ clients: ["friend"], access: "directory" }), [null, false, 0, 0]);
  assertEquals(gateOf({ limits: { connections: 2 } }), [6, false, 2, 0]);
  assertEquals(gateOf({ limits: { perSecond: 3 } }), [6, false, 0, 3]);
  assertEquals(gateOf({ clients: ["friend"] }, commandProcess()), [null, false, 0, 0]);
});

Deno.test("compile() does not call clients trusted that are checked", () => {
  const channels = {
    c: listen({ server: "web.http", unix: { path: "./own/http" }, clients: ["friend"] }),
  };
  const of = (web: ReturnType<typeof denoProcess>) =>
    warnings(crew({ web, friend: commandProcess() }, { channels })).map((issue) =>
      issue.path.join(".")
    );
  assertEquals(of(denoProcess()), []);
  assertEquals(of(commandProcess()), ["channels.c.clients"]);
});

Deno.test("compile() tells clients where to connect, and grants it to Deno programs with a user of their own", () => {
  const config = crew({
    web: commandProcess(),
    own: { ...denoProcess(), user: "www" },
    same: denoProcess(),
    shell: commandProcess(),
    other: { ...denoProcess(), user: "www" },
  }, {
    channels: {
      http: listen({
        server: "web.http",
        unix: { path: "./own/http" },
        clients: ["own", "same", "shell"],
      }),
    },
  });
  const plan = compiled(config);
  const path = "/project/own/http";
  for (const name of ["own", "same", "shell"]) {
    assertEquals(JSON.parse(envOf(processNamed(plan, name))["COX_LINKS"]!).links, [{
      name: "http",
      port: "http",
      kind: "listen",
      direction: "connect",
      path,
      fd: -1,
      limits: { capacityBytes: 0 },
    }]);
    assertEquals(fdsOf(processNamed(plan, name)), []);
  }
  const flags = (name: string) =>
    processNamed(plan, name).argv.filter((word) => word.startsWith("--allow-"));
  assertEquals(flags("own"), [
    `--allow-read=${path}`,
    `--allow-write=${path}`,
    `--allow-net=unix:${path}`,
  ]);
  assertEquals([flags("same"), flags("other")], [[], []]);
  assertEquals(
    warnings(config).map((issue) => issue.path.join(".")),
    ["channels.http.clients.1", "channels.http.clients"],
  );
});
