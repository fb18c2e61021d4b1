import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { rootOf } from "../../../src/process/kinship.ts";
import { type Peer, peerOfForeign } from "../../../src/process/peer.ts";
import { childrenOf } from "../../../src/process/tree.ts";
import {
  ended,
  livingWith,
  mustSpawn,
  shellRequest,
  temporaryDirectory,
  uniqueSeconds,
  until,
} from "../../process/support/harness.ts";

/** Accepts one connection, says its number in a file, and holds it. */
const HOLDER = `
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + "/s.new")
listener.listen(8)
os.rename(sys.argv[1] + "/s.new", sys.argv[1] + "/s")
client, _ = listener.accept()
with open(sys.argv[1] + "/fd.new", "w") as file: file.write(str(client.fileno()))
os.rename(sys.argv[1] + "/fd.new", sys.argv[1] + "/fd")
sys.stdin.read()
`;
const CLIENT = `
import os, socket, sys, time
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1] + "/s")
if sys.argv[2] == "stay": time.sleep(1000)
# Its end stays open in a child: the connection lives on without who made it.
if os.fork() == 0: time.sleep(1000)
`;

function python(source: string, ...args: string[]) {
  const argv = ["/usr/bin/python3", "-SE", "-c", source, ...args];
  return mustSpawn({ ...shellRequest(""), executable: argv[0]!, argv });
}

/** A holder, a client that connected to it, and the descriptor in the holder. */
async function connected(how: "stay" | "leave") {
  const dir = temporaryDirectory();
  const holder = new Deno.Command("/usr/bin/python3", {
    args: ["-SE", "-c", HOLDER, dir.path],
    stdin: "piped",
  }).spawn();
  await until("it listens", () => exists(`${dir.path}/s`));
  const client = python(CLIENT, dir.path, how);
  const fd = Number(
    await until(
      "it accepted",
      () => exists(`${dir.path}/fd`) && Deno.readTextFileSync(`${dir.path}/fd`),
    ),
  );
  return {
    holder: holder.pid,
    client,
    fd,
    async [Symbol.asyncDispose]() {
      try {
        Deno.kill(-client.pid, "SIGKILL");
      } catch {
        // The test did it.
      }
      await holder.stdin.close();
      await holder.status;
      dir[Symbol.dispose]();
    },
  };
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path) !== null;
  } catch {
    return false;
  }
}

/** Empty of a process that has ended meanwhile. */
function commandName(pid: number): string {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/comm`).trim();
  } catch {
    return "";
  }
}

Deno.test("peerOfForeign() names the process that connected, and knows when it has ended", async () => {
  await using made = await connected("stay");
  using peer: Peer = peerOfForeign(made.holder, made.fd);
  const { pid } = made.client;
  assertEquals([peer.connectedPid, peer.uid, peer.pid()], [pid, Deno.uid()!, pid]);
  Deno.kill(pid, "SIGKILL");
  await ended(made.client);
  // Its number may be another's by now.
  assertEquals(peer.pid(), null);
});

Deno.test("peerOfForeign() of a connection that outlives its maker names nobody", async () => {
  await using made = await connected("leave");
  await ended(made.client);
  using peer = peerOfForeign(made.holder, made.fd);
  assertEquals(peer.connectedPid, made.client.pid);
  assertEquals(peer.pid(), null);
});

Deno.test("peerOfForeign() throws for what is no connection, and for a process that has gone", async () => {
  await using made = await connected("stay");
  assertThrows(() => peerOfForeign(made.holder, 0), SystemError, "ENOTSOCK");
  assertThrows(() => peerOfForeign(made.holder, 99), SystemError, "EBADF");
  const gone = mustSpawn(shellRequest("exit 0"));
  await ended(gone);
  assertThrows(() => peerOfForeign(gone.pid, 0), SystemError, "ESRCH");
});

Deno.test("rootOf() finds a process by its line of descent and by its session, and no stranger", async () => {
  const mark = uniqueSeconds();
  const seconds = (n: number) => `${mark}${n}`;
  // A grandchild; an orphan in the root's session; an orphan in one of its own.
  const root = mustSpawn(shellRequest(
    `sh -c 'sleep ${seconds(1)}; :' & (sleep ${seconds(2)} &) ` +
      `; (setsid sleep ${seconds(3)} &) ; wait`,
  ));
  const other = mustSpawn(shellRequest(`sleep ${seconds(4)}; :`));
  try {
    // Both marks are of the shells as well: the one that has it as its own program.
    const sleeper = (n: number) =>
      until(
        `sleep ${n}`,
        () => livingWith(seconds(n)).find((pid) => commandName(pid) === "sleep"),
      );
    const roots = new Set([root.pid, other.pid]);
    const descended = await sleeper(1);
    assert(!childrenOf(root.pid).includes(descended));
    assertEquals(rootOf(descended, roots), root.pid);
    assertEquals(rootOf(await sleeper(2), roots), root.pid);
    assertEquals(rootOf(await sleeper(3), roots), null);
    assertEquals(rootOf(await sleeper(4), roots), other.pid);
    assertEquals(rootOf(await sleeper(4), new Set([root.pid])), null);
    assertEquals(rootOf(root.pid, roots), root.pid);
    assertEquals(rootOf(Deno.pid, roots), null);
  } finally {
    for (const pid of livingWith(mark)) Deno.kill(pid, "SIGKILL");
    await ended(root);
    await ended(other);
  }
});
