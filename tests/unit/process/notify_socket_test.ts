import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import {
  NOTIFY_MESSAGE_BYTES_MAX,
  parseNotifyMessage,
} from "../../../src/process/notify_message.ts";
import { NotifySocket, type ReceivedNotify } from "../../../src/process/notify_socket.ts";
import {
  ended,
  mustSpawn,
  openDescriptors,
  outputOf,
  shellRequest,
  temporaryDirectory,
  until,
} from "../../process/support/harness.ts";

const SYSTEMD_NOTIFY = "/usr/bin/systemd-notify";
const PYTHON = "/usr/bin/python3";

function has(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    console.warn(`Skipped what needs ${path}: it is not installed`);
    return false;
  }
}
const hasPython = has(PYTHON);

/** Runs a Python program that has a connected datagram socket `s`. */
async function sendFromPython(path: string, program: string): Promise<number> {
  const { exit, text } = await outputOf({
    ...shellRequest(""),
    executable: PYTHON,
    argv: [
      "python3",
      "-c",
      `import os,socket,sys,array
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM)
s.connect(sys.argv[1])
${program}
`,
      path,
    ],
  });
  assertEquals(exit.reason, { kind: "code", code: 0, cause: null }, text);
  return 0;
}

Deno.test({
  name: "NotifySocket answers a real systemd-notify, its barrier included",
  ignore: !has(SYSTEMD_NOTIFY),
  fn: async () => {
    using dir = temporaryDirectory();
    using socket = new NotifySocket(`${dir.path}/n.sock`);
    const before = openDescriptors();
    const child = mustSpawn({
      ...shellRequest(""),
      executable: SYSTEMD_NOTIFY,
      argv: ["systemd-notify", "--ready", "--status=up and running"],
      env: [["NOTIFY_SOCKET", `${dir.path}/n.sock`]],
    });
    const received: ReceivedNotify[] = [];
    await until("READY and BARRIER", () => {
      const next = socket.receive();
      if (next !== null) received.push(next);
      return received.some(({ message }) => message.includes("BARRIER=1"));
    });
    // Without its answer systemd-notify waits five seconds and then fails.
    const { reason } = await ended(child);
    assertEquals(reason, { kind: "code", code: 0, cause: null });
    assertEquals(received.length, 2);
    const [first, second] = received.map(({ message }) => parseNotifyMessage(message));
    assertEquals([first!.ready, first!.status], [true, "up and running"]);
    assertEquals(second!.barrier, true);
    assertEquals(received.map(({ uid, refused }) => [uid, refused]), [
      [Deno.uid(), null],
      [Deno.uid(), null],
    ]);
    assertEquals(received[1]!.pid, child.pid);
    assertEquals(openDescriptors(), before);
  },
});

Deno.test({
  name: "NotifySocket.receive() leaks no descriptor over 1,000 messages that bring three each",
  ignore: !hasPython,
  fn: async () => {
    using dir = temporaryDirectory();
    const path = `${dir.path}/n.sock`;
    using socket = new NotifySocket(path);
    const before = openDescriptors();
    let count = 0;
    let done = false;
    const sending = sendFromPython(
      path,
      `fds=array.array("i",[0,1,2])
for i in range(1000):
  s.sendmsg([b"READY=1\\nMAINPID=%d" % os.getpid()],[(socket.SOL_SOCKET,socket.SCM_RIGHTS,fds)])`,
    ).finally(() => done = true);
    await until("1,000 messages", () => {
      for (let next = socket.receive(); next !== null; next = socket.receive()) {
        count++;
        assertEquals(parseNotifyMessage(next.message).mainPid, next.pid);
      }
      return count === 1000 || (done && count === 0);
    });
    await sending;
    assertEquals(count, 1000);
    assertEquals(openDescriptors(), before);
  },
});

Deno.test({
  name: "NotifySocket.receive() takes a message of the maximum size and refuses one more",
  ignore: !hasPython,
  fn: async () => {
    using dir = temporaryDirectory();
    const path = `${dir.path}/n.sock`;
    using socket = new NotifySocket(path);
    const max = NOTIFY_MESSAGE_BYTES_MAX;
    await sendFromPython(path, `s.send(b"x"*${max}); s.send(b"x"*${max + 1}); s.send(b"READY=1")`);
    const [whole, refused, next] = [socket.receive()!, socket.receive()!, socket.receive()!];
    assertEquals([whole.message.length, whole.refused], [max, null]);
    assertEquals(refused.message, "");
    assertStringIncludes(refused.refused ?? "", `longer than ${max} bytes`);
    assert(refused.pid > 0);
    assertEquals(next.message, "READY=1");
    assertEquals(socket.receive(), null);
  },
});

Deno.test("NotifySocket makes a file that its owner alone may write to, and removes it", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/n.sock`;
  const umask = Deno.umask();
  const socket = new NotifySocket(path);
  assertEquals((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
  assertEquals(Deno.umask(), umask);
  socket.close();
  socket.close();
  assertThrows(() => Deno.lstatSync(path), Deno.errors.NotFound);
});

Deno.test({
  name: "NotifySocket gives its file to the user that is to send",
  ignore: Deno.uid() !== 0,
  fn: () => {
    using dir = temporaryDirectory();
    using _socket = new NotifySocket(`${dir.path}/n.sock`, { uid: 65534, gid: 65533 });
    const { uid, gid } = Deno.lstatSync(`${dir.path}/n.sock`);
    assertEquals([uid, gid], [65534, 65533]);
  },
});

Deno.test("NotifySocket refuses a path that is taken or too long, and leaves nothing open", () => {
  using dir = temporaryDirectory();
  const before = openDescriptors();
  Deno.writeTextFileSync(`${dir.path}/taken`, "");
  assertThrows(() => new NotifySocket(`${dir.path}/taken`), SystemError, "EADDRINUSE");
  const base = `${dir.path}/`;
  const longest = base.padEnd(107, "x");
  new NotifySocket(longest).close();
  assertThrows(() => new NotifySocket(longest + "x"), RangeError, "at most 107 bytes, is 108");
  assertEquals(openDescriptors(), before);
});
