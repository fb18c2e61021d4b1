/**
 * Attacks on mailboxes of a real crew: by a command of another user, by one of cox's own, and by a
 * sandboxed program with files beside it that would redirect what is ours.
 */
import { assert, assertEquals } from "@std/assert";
import type { MailboxSnapshot } from "../../src/control/protocol.ts";
import { coxCommand, startCrew, type TestCrew } from "../support/crew.ts";

/** nobody, of Debian. */
const UID = 65534;
/** One that every user can run, which an interpreter in somebody's home is not. */
const PYTHON = "/usr/bin/python3";
const missing = Deno.uid() !== 0
  ? "only root can become another user"
  : isThere(PYTHON)
  ? null
  : `there is no ${PYTHON}`;
if (missing !== null) console.warn(`Skipped, a consumer of another user: ${missing}`);

function isThere(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

const PRODUCER = `
import { mailboxProducer, ready } from "coxswain/child";
const samples = mailboxProducer("out");
await ready();
for (;;) {
  samples.send(new Uint8Array(64).fill(7));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
`;

/** Tries all that a native program can; says what was let through, then goes on. */
const ATTACKER = `
import ctypes, fcntl, json, mmap, os, sys, time
(link,) = json.loads(os.environ["COX_LINKS"])["links"]
box = link["mailbox"]
size = link["limits"]["capacityBytes"]
samples, page = box["samplesFd"], box["pageFds"][0]
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
open_ways = []
def way(name, attempt):
    try:
        attempt()
        open_ways.append(name)
    except OSError:
        pass
def checked(result):
    if result in (-1, 2**64 - 1): raise OSError(ctypes.get_errno(), "refused")
    return result
way("map for writing", lambda: mmap.mmap(samples, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE))
def protect():
    place = checked(libc.mmap(None, ctypes.c_size_t(4096), 1, 1, samples, ctypes.c_long(0)))
    checked(libc.mprotect(ctypes.c_void_p(place), ctypes.c_size_t(4096), 3))
way("mprotect", protect)
way("write", lambda: os.pwrite(samples, b"xxxx", 64))
way("shrink", lambda: os.ftruncate(samples, 0))
way("grow", lambda: os.ftruncate(samples, size * 2))
way("shrink its page", lambda: os.ftruncate(page, 0))
way("seal", lambda: fcntl.fcntl(page, 1033, 8))
way("chmod", lambda: os.fchmod(samples, 0o777))
way("reopen", lambda: os.open("/proc/self/fd/%d" % samples, os.O_RDWR))
parents = [os.getppid()]
for pid in os.listdir("/proc"):
    # Itself it may trace, and others of its user: they hold no more than it does.
    if pid.isdigit() and int(pid) != os.getpid():
        try:
            if b"cox" in open("/proc/%s/cmdline" % pid, "rb").read() or b"producer.ts" in open("/proc/%s/cmdline" % pid, "rb").read(): parents.append(int(pid))
        except OSError: pass
def of_others():
    for pid in parents:
        for fd in range(3, 64):
            try:
                path = "/proc/%d/fd/%d" % (pid, fd)
                if "memfd:samples" in os.readlink(path):
                    os.close(os.open(path, os.O_RDWR))
                    return
            except OSError: pass
    raise OSError("none")
way("open another's", of_others)
def take():
    for pid in parents:
        try: pidfd = os.pidfd_open(pid)
        except OSError: continue
        for fd in range(3, 64):
            if libc.syscall(438, pidfd, fd, 0) >= 0: return
    raise OSError("none")
way("pidfd_getfd", take)
print("open:", json.dumps(open_ways), flush=True)
time.sleep(1000)
`;

function config(consumer: string): string {
  return `
import { command, defineConfig, deno, mailbox } from "coxswain";
export default defineConfig({
  name: "attacked",
  processes: {
    producer: { run: deno("./producer.ts"), ready: { by: "notify" } },
    attacker: { ${consumer}, after: { producer: "ready" } },
  },
  channels: { box: mailbox({ from: "producer.out", to: "attacker.in", sampleBytes: "64B" }) },
});`;
}

async function openWays(crew: TestCrew): Promise<string[]> {
  await crew.until("the attacks were tried", () => crew.output().includes("open: "));
  // The producer is as it was.
  const { published } = (await crew.snapshot()).channels["box"] as MailboxSnapshot;
  await crew.until(
    "the producer goes on",
    ({ channels }) => (channels["box"] as MailboxSnapshot).published > published,
  );
  assertEquals((await crew.process("producer")).starts, 1);
  return JSON.parse(/open: (.*)/.exec(crew.output())![1]!);
}

Deno.test({
  name: "a command with a user of its own cannot write to samples, resize them, or reach another's",
  ignore: missing !== null,
  async fn() {
    const run = `run: command(["${PYTHON}", "-SE", "-c", ${
      JSON.stringify(ATTACKER)
    }]), user: ${UID}`;
    await using crew = await startCrew(config(run), { files: { "producer.ts": PRODUCER } });
    assertEquals(await openWays(crew), []);
  },
});

Deno.test("a command that runs as cox's user is trusted, and cox check says so", async () => {
  const run = `run: command(["python3", "-SE", "attack.py"])`;
  await using crew = await startCrew(config(run), {
    files: { "producer.ts": PRODUCER, "attack.py": ATTACKER },
  });
  const open = await openWays(crew);
  // What a description that was opened for reading keeps from everybody.
  for (
    const way of [
      "map for writing",
      "mprotect",
      "write",
      "shrink",
      "grow",
      "shrink its page",
      "seal",
    ]
  ) {
    assert(!open.includes(way), way);
  }
  assert(open.includes("reopen"), JSON.stringify(open));
  const [command = "", ...args] = coxCommand(["check"]);
  const { stdout } = await new Deno.Command(command, { args, cwd: crew.projectDir }).output();
  const said = new TextDecoder().decode(stdout);
  assert(said.includes("trusted: attacker could write to it"), said);
});

Deno.test("files beside a sealed program redirect neither its preload nor coxswain/child", async () => {
  const run =
    `run: deno("./in/attacker.ts", { permissions: { read: ["./in"], write: ["./in/data"] } })`;
  const evil = `console.log("EVIL", Deno.permissions.querySync({ name: "ffi" }).state);
export const mailboxConsumer = () => { console.log("EVIL child"); };`;
  const map = JSON.stringify({
    imports: { "coxswain/child": "./evil.ts", "coxswain": "./evil.ts", "data:": "./evil.ts" },
    preload: ["./evil.ts"],
    unstable: ["ffi"],
  });
  await using crew = await startCrew(config(run), {
    files: {
      "producer.ts": PRODUCER,
      "in/evil.ts": evil,
      "in/deno.json": map,
      "in/package.json": JSON.stringify({ imports: { "coxswain/child": "./evil.ts" } }),
      "in/import_map.json": map,
      "in/data/x": "",
      "in/attacker.ts": `
import { mailboxConsumer } from "coxswain/child";
const open = [];
const way = async (name, attempt) => { try { await attempt(); open.push(name); } catch {} };
const samples = mailboxConsumer("in");
const found = samples.receive(5e9);
if (found.kind !== "sample" || found.bytes[0] !== 7) open.push("no sample: " + found.kind);
await way("dlopen", () => Deno.dlopen("libc.so.6", {}));
await way("proc", () => Deno.openSync("/proc/self/fd/4", { read: true, write: true }));
await way("descriptors", () => [...Deno.readDirSync("/proc/self/fd")]);
await way("parent", () => Deno.readTextFileSync("/proc/" + Deno.ppid + "/maps"));
await way("link", () => {
  Deno.symlinkSync("/proc/self/fd", "./in/data/fd");
  [...Deno.readDirSync("./in/data/fd")];
});
await way("module", () => Deno.writeTextFileSync("./in/attacker.ts", ""));
console.log("open:", JSON.stringify(open));
setInterval(() => {}, 1000);
`,
    },
  });
  assertEquals(await openWays(crew), []);
  assert(!crew.output().includes("EVIL"), crew.output());
});

Deno.test("a project whose import map names a data: URL is refused before anything starts", async () => {
  const dir = await Deno.makeTempDir({ prefix: "cox-attack-" });
  await Deno.writeTextFile(
    `${dir}/supervisor.config.ts`,
    config(`run: deno("./producer.ts")`),
  );
  await Deno.writeTextFile(`${dir}/producer.ts`, PRODUCER);
  const imports = { "data:text/javascript,1": "./producer.ts" };
  await Deno.writeTextFile(`${dir}/deno.json`, JSON.stringify({ imports }));
  const [command = "", ...args] = coxCommand(["check"]);
  const { code, stderr, stdout } = await new Deno.Command(command, { args, cwd: dir }).output();
  await Deno.remove(dir, { recursive: true });
  const said = new TextDecoder().decode(stderr) + new TextDecoder().decode(stdout);
  assertEquals(code, 100, said);
  assert(said.includes("must not redirect a data: URL"), said);
});
