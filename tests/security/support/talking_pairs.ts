/**
 * Who can talk to whom, read from the kernel and not from a plan: pipe and socket inodes on the
 * descriptors of each process and of all its descendants, and memory that it has open or mapped.
 * Owns the reading of /proc and of the kernel's socket list. Must not know: what was configured.
 */

/** An ordered pair, `"sender -> receiver"`. */
export type Pair = string;

/**
 * Finds every ordered pair that shares a pipe or memory in that direction, or a socket.
 *
 * @param processes Names and pids; a process stands for its whole tree.
 * @returns Sorted pairs.
 * @throws {Error} when a process is gone, or the kernel does not tell a socket's peer.
 */
export async function talkingPairs(processes: ReadonlyMap<string, number>): Promise<Pair[]> {
  const held = new Map([...processes].map(([name, pid]) => [name, openedBy(pid)]));
  const peers = await socketPeers([...held.values()].flatMap(({ sockets }) => [...sockets]));
  const pairs: Pair[] = [];
  for (const [sender, from] of held) {
    for (const [receiver, to] of held) {
      if (sender === receiver) continue;
      const pipe = [...from.writes].some((inode) => to.reads.has(inode));
      const socket = [...from.sockets].some((inode) =>
        to.sockets.has(inode) || to.sockets.has(peers.get(inode) ?? -1)
      );
      if (pipe || socket) pairs.push(`${sender} -> ${receiver}`);
    }
  }
  return pairs.sort();
}

/** Inodes that a tree of processes has open. */
interface Opened {
  /** Pipes, named pipes and memory, by the access that the descriptor or the mapping gives. */
  readonly reads: Set<number>;
  readonly writes: Set<number>;
  readonly sockets: Set<number>;
}

function openedBy(pid: number): Opened {
  const opened: Opened = { reads: new Set(), writes: new Set(), sockets: new Set() };
  const found = treeOf(pid).map((each) => addDescriptors(each, opened));
  // An empty answer would make every test pass.
  if (!found.some((count) => count > 0)) throw new Error(`process ${pid} has no descriptors`);
  return opened;
}

function addDescriptors(pid: number, opened: Opened): number {
  let count = 0;
  for (const { name: fd } of readDir(`/proc/${pid}/fd`)) {
    const target = readLink(`/proc/${pid}/fd/${fd}`);
    if (target === null) continue;
    count++;
    const socket = /^socket:\[(\d+)\]$/.exec(target)?.[1];
    if (socket !== undefined) opened.sockets.add(Number(socket));
    const path = `/proc/${pid}/fd/${fd}`;
    const pipe = pipeInode(path, target) ?? memoryInode(path, target);
    if (pipe === null) continue;
    const flags = /^flags:\s*(\d+)$/m.exec(readText(`/proc/${pid}/fdinfo/${fd}`) ?? "")?.[1];
    const access = parseInt(flags ?? "0", 8) & 3;
    if (access !== 1) opened.reads.add(pipe);
    if (access !== 0) opened.writes.add(pipe);
  }
  addMappings(pid, opened);
  return count;
}

/** `7f… rw-s 00000000 00:01 1234 /memfd:samples frames (deleted)`; what is private is nobody else's. */
function addMappings(pid: number, opened: Opened): void {
  const maps = readText(`/proc/${pid}/maps`) ?? "";
  for (const match of maps.matchAll(/^\S+ (r|-)(w|-).s \S+ \S+ (\d+) +\/memfd:/gm)) {
    const [, reads, writes, inode] = match;
    if (reads === "r") opened.reads.add(Number(inode));
    if (writes === "w") opened.writes.add(Number(inode));
  }
}

function memoryInode(path: string, target: string): number | null {
  return target.startsWith("/memfd:") ? Deno.statSync(path).ino : null;
}

function pipeInode(path: string, target: string): number | null {
  const inode = /^pipe:\[(\d+)\]$/.exec(target)?.[1];
  if (inode !== undefined) return Number(inode);
  if (!target.startsWith("/")) return null;
  try {
    const info = Deno.statSync(path);
    return info.isFifo === true ? info.ino : null;
  } catch {
    return null;
  }
}

function treeOf(pid: number): number[] {
  const tasks = [...readDir(`/proc/${pid}/task`)];
  const children = tasks.flatMap(({ name }) =>
    (readText(`/proc/${pid}/task/${name}/children`) ?? "").split(" ").filter((text) => text !== "")
  );
  return [pid, ...children.flatMap((child) => treeOf(Number(child)))];
}

/** Asks sock_diag(7) for the peer of each Unix socket; others have no peer here. */
const ASK_PEERS = `
import json, socket, struct, sys
def peer(inode):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4)
    s.send(struct.pack("=IHHII", 40, 20, 1, 1, 0) +
           struct.pack("=BBHIIIII", 1, 0, 0, 0xffffffff, inode, 4, 0xffffffff, 0xffffffff))
    reply = s.recv(8192)
    length, kind = struct.unpack_from("=IH", reply)
    if kind == 2:
        errno = -struct.unpack_from("=i", reply, 16)[0]
        if errno == 2: return None  # no Unix socket
        raise OSError(errno, "sock_diag")
    at = 32
    while at + 8 <= length:
        size, attribute = struct.unpack_from("=HH", reply, at)
        if attribute == 2: return struct.unpack_from("=I", reply, at + 4)[0]
        at += (size + 3) & ~3
print(json.dumps([[inode, peer(inode)] for inode in json.load(sys.stdin)]))
`;

async function socketPeers(inodes: readonly number[]): Promise<Map<number, number>> {
  const child = new Deno.Command("python3", {
    args: ["-c", ASK_PEERS],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(JSON.stringify(inodes)));
  await writer.close();
  const { code, stdout } = await child.output();
  if (code !== 0) throw new Error("the kernel does not tell the peers of sockets");
  const answers: [number, number | null][] = JSON.parse(new TextDecoder().decode(stdout));
  return new Map(answers.filter((each): each is [number, number] => each[1] !== null));
}

function readDir(path: string): Deno.DirEntry[] {
  try {
    return [...Deno.readDirSync(path)];
  } catch {
    return [];
  }
}

function readLink(path: string): string | null {
  try {
    return Deno.readLinkSync(path);
  } catch {
    return null;
  }
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return null;
  }
}
