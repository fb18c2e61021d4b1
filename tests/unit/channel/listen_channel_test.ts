import { assert, assertEquals, assertThrows } from "@std/assert";
import { ListenError } from "../../../src/channel/listen/bound_path.ts";
import { ListenChannel } from "../../../src/channel/listen/listen_channel.ts";
import { SystemError } from "../../../src/os/errno.ts";
import { libc, O_NONBLOCK } from "../../../src/os/libc.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { fileIdentity } from "../../../src/os/socket.ts";
import type { ListenPlan, UnixListenPlan } from "../../../src/plan/plan.ts";
import { freePort } from "../../process/support/socket_load.ts";
import { temporaryDirectory } from "../../process/support/harness.ts";

const F_GETFL = 3;
const F_SETFL = 4;

function plan(address: ListenPlan["address"], changes: Partial<ListenPlan> = {}): ListenPlan {
  return {
    kind: "listen",
    name: "web",
    from: { processes: [], port: "", fd: -1 },
    to: { processes: [1], port: "http", fd: 3 },
    address,
    backlog: 16,
    clients: "anyone",
    checked: false,
    connectionsMax: 0,
    connectionsPerSecond: 0,
    lazy: false,
    ...changes,
  };
}

function unix(path: string, changes: Partial<UnixListenPlan> = {}): UnixListenPlan {
  return { kind: "unix", path, mode: 0o666, uid: null, gid: null, directory: null, ...changes };
}

async function canConnect(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}

Deno.test("ListenChannel makes directories, sets the mode, and removes the path at its end", async () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/a/b/web.sock`;
  const channel = new ListenChannel(plan(unix(path, { mode: 0o640 })));
  assertEquals(fileIdentity(path)?.kind, "socket");
  assertEquals(fileIdentity(path)?.mode, 0o640);
  assertEquals(fileIdentity(`${dir.path}/a`)?.mode, 0o755);
  assert(await canConnect(path), "it waits in the backlog");
  channel[Symbol.dispose]();
  assertEquals(fileIdentity(path), null);
});

Deno.test("ListenChannel reclaims a socket that nobody listens on", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/web.sock`;
  const dead = Deno.listen({ transport: "unix", path });
  dead.close();
  // Deno removes the file as it closes; a killed listener leaves it.
  const left = new ListenChannel(plan(unix(path)));
  Deno.linkSync(path, `${path}.kept`);
  left[Symbol.dispose]();
  Deno.renameSync(`${path}.kept`, path);
  assertEquals(fileIdentity(path)?.kind, "socket");
  using channel = new ListenChannel(plan(unix(path)));
  assert(channel.isOpen);
});

Deno.test("ListenChannel leaves a file, and a socket in use, alone, and says so at each start", () => {
  using dir = temporaryDirectory();
  const file = `${dir.path}/file`;
  Deno.writeTextFileSync(file, "precious");
  using onFile = new ListenChannel(plan(unix(file)));
  assertEquals(onFile.isOpen, false);
  assertThrows(() => onFile.openEnd("accept"), ListenError, "is no socket");
  assertEquals(Deno.readTextFileSync(file), "precious");

  const taken = `${dir.path}/taken`;
  const owner = Deno.listen({ transport: "unix", path: taken });
  using onTaken = new ListenChannel(plan(unix(taken)));
  const error = assertThrows(() => onTaken.openEnd("accept"), ListenError);
  assertEquals(error.errno, "EADDRINUSE");
  owner.close();
  closeFd(onTaken.openEnd("accept"));
  assert(onTaken.isOpen, "it is bound once the path is free");
});

Deno.test("ListenChannel does not remove what was put in its socket's place", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/web.sock`;
  const channel = new ListenChannel(plan(unix(path)));
  Deno.removeSync(path);
  Deno.writeTextFileSync(path, "other");
  channel[Symbol.dispose]();
  assertEquals(Deno.readTextFileSync(path), "other");
});

Deno.test("ListenChannel refuses a directory that others may write, unless it is sticky", () => {
  using dir = temporaryDirectory();
  const open = `${dir.path}/open`;
  Deno.mkdirSync(open);
  Deno.chmodSync(open, 0o777);
  using channel = new ListenChannel(plan(unix(`${open}/web.sock`)));
  assertThrows(() => channel.openEnd("accept"), ListenError, "others may write");
  Deno.chmodSync(open, 0o1777);
  closeFd(channel.openEnd("accept"));
});

Deno.test("ListenChannel takes a directory of its own only if nothing else is in it", () => {
  using dir = temporaryDirectory();
  const own = `${dir.path}/own`;
  Deno.mkdirSync(own);
  Deno.writeTextFileSync(`${own}/notes`, "");
  const address = unix(`${own}/socket`, { directory: { mode: 0o700, gid: null } });
  using channel = new ListenChannel(plan(address));
  assertThrows(() => channel.openEnd("accept"), ListenError, '"notes"');
  assertEquals(fileIdentity(own)?.mode, 0o755);
  Deno.removeSync(`${own}/notes`);
  closeFd(channel.openEnd("accept"));
  assertEquals(fileIdentity(own)?.mode, 0o700);
});

Deno.test("openEnd() clears O_NONBLOCK for a single server, and leaves it to replicas", () => {
  for (const [processes, cleared] of [[[1], true], [[1, 2], false]] as const) {
    const address = { kind: "tcp", host: "127.0.0.1", port: freePort() } as const;
    using channel = new ListenChannel(plan(address, { to: { processes, port: "http", fd: 3 } }));
    const first = channel.openEnd("accept");
    libc().fcntl(first, F_SETFL, libc().fcntl(first, F_GETFL, 0) | O_NONBLOCK);
    const next = channel.openEnd("accept");
    assertEquals((libc().fcntl(next, F_GETFL, 0) & O_NONBLOCK) === 0, cleared);
    closeFd(first);
    closeFd(next);
  }
});

Deno.test("endConsumer() refuses clients at once; the next start is bound anew; lazy ones stay", async () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/web.sock`;
  using channel = new ListenChannel(plan(unix(path)));
  channel.endConsumer();
  assertEquals(await canConnect(path), false);
  channel.reopen();
  closeFd(channel.openEnd("accept"));
  assert(await canConnect(path));
  using lazy = new ListenChannel(plan(unix(`${dir.path}/lazy.sock`), { lazy: true }));
  lazy.endConsumer();
  assert(await canConnect(`${dir.path}/lazy.sock`));
});

Deno.test("ListenChannel reports a TCP port that is taken with the address", () => {
  using owner = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = owner.addr as Deno.NetAddr;
  using channel = new ListenChannel(plan({ kind: "tcp", host: "127.0.0.1", port }));
  const error = assertThrows(() => channel.openEnd("accept"), SystemError);
  assertEquals([error.errno, error.path], ["EADDRINUSE", `127.0.0.1:${port}`]);
});
