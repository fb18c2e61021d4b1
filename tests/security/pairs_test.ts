/**
 * The set of pairs that can talk is the set in the configuration: a crew of six, Deno programs,
 * shells and Python, looked at from outside.
 */
import { assert, assertEquals } from "@std/assert";
import { startCrew, type TestCrew } from "../support/crew.ts";
import { talkingPairs } from "./support/talking_pairs.ts";

const LEAKING_FRONT = new URL("./support/leaking_front.ts", import.meta.url).pathname;

/**
 * ```
 *  a ─frames─► b ─stdout─► c ─poses─► d ─stdout─► e        f
 *  └──side────────────────────────────────────────────────►┘
 *              b ◄──────────replies── d
 *  a ─vitals, a mailbox─► c and f, and what each of them says of where it is back to a
 * ```
 */
const CONFIG = `
import { command, defineConfig, deno, mailbox, pipe } from "coxswain";
export default defineConfig({
  name: "six",
  processes: {
    a: { run: deno("./hold.ts"), ready: { by: "notify" } },
    // Its links are open in a child as well.
    b: { run: command(["sh", "-c", "sleep 1000 & wait"]) },
    c: { run: command(["python3", "hold.py"]), ready: { by: "notify" } },
    d: { run: deno("./hold.ts"), ready: { by: "notify" } },
    e: { run: command(["sleep", "1000"]) },
    f: { run: deno("./hold.ts"), ready: { by: "notify" } },
  },
  channels: {
    frames: pipe({ from: "a.frames", to: "b.frames" }),
    lines: pipe({ from: "b.stdout", to: "c.stdin" }),
    poses: pipe({ from: "c.poses", to: "d.poses" }),
    result: pipe({ from: "d.stdout", to: "e.stdin" }),
    side: pipe({ from: "a.side", to: "f.side" }),
    replies: pipe({ from: "d.replies", to: "b.replies" }),
    vitals: mailbox({ from: "a.vitals", to: ["c.vitals", "f.vitals"], sampleBytes: "64B" }),
  },
});`;

const FILES = {
  // Every link is adopted, so that what the runtime makes of it is seen too.
  "hold.ts": `
import { connect, links, mailboxConsumer, mailboxProducer, ready } from "coxswain/child";
for (const { port, kind, direction } of links()) {
  if (kind === "mailbox") {
    if (direction === "write") mailboxProducer(port).send(new Uint8Array(8));
    else void mailboxConsumer(port).next();
    continue;
  }
  const link = connect(port);
  if (direction === "write") await link.drained();
  else void link.receive().next();
}
await ready();
setInterval(() => {}, 1000);
`,
  "hold.py": `
import os, socket, time
def notify(text):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
        s.sendto(text, os.environ["NOTIFY_SOCKET"])
notify(b"READY=1")
time.sleep(1000)
`,
};

const DECLARED = [
  ...["a -> b", "a -> c", "a -> f", "b -> c", "c -> a", "c -> d"],
  ...["d -> b", "d -> e", "f -> a"],
];

async function startSix(front?: readonly string[]): Promise<TestCrew> {
  const crew = await startCrew(CONFIG, {
    files: FILES,
    ...(front === undefined ? {} : { front }),
  });
  await crew.until(
    "all six are ready",
    ({ processes }) => [..."abcdef"].every((name) => processes[name]?.state === "running"),
  );
  return crew;
}

async function pairsOf(crew: TestCrew): Promise<string[]> {
  const { processes } = await crew.snapshot();
  return await talkingPairs(new Map([..."abcdef"].map((name) => [name, processes[name]!.pid!])));
}

Deno.test("of all ordered pairs of six processes those of the configuration can talk, and no other", async () => {
  await using crew = await startSix();
  assertEquals(await pairsOf(crew), DECLARED);
});

Deno.test("the pairs are the same after each process was killed and came back", async () => {
  await using crew = await startSix();
  const before = (await crew.snapshot()).processes;
  for (const name of "abcdef") kill(before[name]!.pid);
  await crew.until(
    "all six are back",
    ({ processes }) =>
      [..."abcdef"].every((name) =>
        processes[name]!.starts === 2 && processes[name]!.state === "running"
      ),
  );
  assertEquals(await pairsOf(crew), DECLARED);
});

Deno.test("a descriptor that leaks to a neighbour is found, whichever end it is", async () => {
  const samples = { fd: 9, kind: "mailbox", channel: 6, part: "samples", consumer: -1 };
  const leaks = [
    { process: "e", descriptor: { ...samples, access: "read" }, pairs: ["a -> e"] },
    {
      process: "e",
      descriptor: { ...samples, access: "write" },
      pairs: ["a -> e", "e -> a", "e -> c", "e -> f"],
    },
    {
      process: "f",
      descriptor: { fd: 9, kind: "channel", channel: 1, end: "write" },
      pairs: ["f -> c"],
    },
    {
      process: "f",
      descriptor: { fd: 9, kind: "channel", channel: 2, end: "read" },
      pairs: ["c -> f"],
    },
  ];
  for (const { process, descriptor, pairs } of leaks) {
    const leak = JSON.stringify({ process, descriptor });
    await using crew = await startSix([LEAKING_FRONT, leak]);
    assertEquals(await pairsOf(crew), [...DECLARED, ...pairs].sort());
  }
});

Deno.test("talkingPairs() finds the two ends of a socket pair, a shared end, and no closed one", async () => {
  const cases = [
    { left: "a.close()", right: "b.close()", talk: true },
    { left: "b.close()", right: "b.close()", talk: true },
    { left: "a.close(); b.close()", right: "pass", talk: false },
  ];
  for (const { left, right, talk } of cases) {
    // Two processes of which neither stands for the other: children of one that holds nothing.
    const program = `
import os, socket, sys, time
a, b = socket.socketpair()
pids = []
for close in (${JSON.stringify(left)}, ${JSON.stringify(right)}):
    done, tell = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(done)
        exec(close)
        os.close(tell)
        time.sleep(1000)
    os.close(tell)
    os.read(done, 1)
    os.close(done)
    pids.append(pid)
a.close(); b.close()
print(*pids, flush=True)
time.sleep(1000)
`;
    const parent = new Deno.Command("python3", { args: ["-c", program], stdout: "piped" }).spawn();
    const [l = -1, r = -1] = (await firstLine(parent.stdout)).split(" ").map(Number);
    try {
      const pairs = await talkingPairs(new Map([["l", l], ["r", r]]));
      assertEquals(pairs, talk ? ["l -> r", "r -> l"] : []);
    } finally {
      for (const pid of [l, r, parent.pid]) kill(pid);
      await parent.status;
    }
  }
});

async function firstLine(stream: ReadableStream<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    if (text.includes("\n")) return text.slice(0, text.indexOf("\n"));
  }
  throw new Error(`no line in ${JSON.stringify(text)}`);
}

/** A pid of 0 would be the test's own group. */
function kill(pid: number | null): void {
  assert(pid !== null && pid > 1, `no pid: ${pid}`);
  Deno.kill(pid, "SIGKILL");
}
