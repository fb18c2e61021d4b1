/**
 * Who can talk through `@relay` is who may by the configuration: seen from the kernel, where each
 * process shares pipes with `@relay` alone, and from what arrives.
 */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew, type TestCrew } from "../support/crew.ts";
import { talkingPairs } from "./support/talking_pairs.ts";

const LEAKING_FRONT = new URL("./support/leaking_front.ts", import.meta.url).pathname;
const LEAKED_FD = 9;
/** Lines that each consumer has had before what it has had is judged. */
const LINES = 100;

/**
 * ```
 *  a ─feed─┬► b ─┐notes         f ─side─► a
 *          └► c  ├──────► e
 *             d ─┘
 * ```
 */
const CONFIG = `
import { command, defineConfig, pipe } from "coxswain";
const talk = (name: string) => ({ run: command(["python3", "-SE", "talk.py", name]) });
export default defineConfig({
  name: "six",
  processes: {
    a: talk("a"), b: talk("b"), c: talk("c"), d: talk("d"), e: talk("e"), f: talk("f"),
  },
  channels: {
    feed: pipe({ from: "a.feed", to: ["b.feed", "c.feed"], framing: "lines" }),
    notes: pipe({ from: ["b.notes", "d.notes"], to: "e.notes", framing: "ndjson" }),
    side: pipe({ from: "f.side", to: "a.side", framing: "lines" }),
  },
});`;

/** Says its name on everything that it may write to, and writes down what it hears. */
const TALK = `
import json, os, sys, threading, time
me = sys.argv[1]
links = json.loads(os.environ["COX_LINKS"])["links"]
def say(fd):
    while True:
        try: os.write(fd, b'"%s"\\n' % me.encode())
        except OSError: return
        time.sleep(0.005)
def hear(fd):
    with open(me + ".heard", "a", buffering=1) as heard, os.fdopen(fd) as lines:
        for line in lines: heard.write(line)
for link in links:
    does = say if link["direction"] == "write" else hear
    threading.Thread(target=does, args=[link["fd"]], daemon=True).start()
# One that nobody has told it of.
if os.path.exists("/proc/self/fd/${LEAKED_FD}"): say(${LEAKED_FD})
time.sleep(1000)
`;

const DECLARED = ["a -> b", "a -> c", "b -> e", "d -> e", "f -> a"];
const WITH_RELAY = [
  ...["b", "c", "e", "a"].map((name) => `@relay -> ${name}`),
  ...["a", "b", "d", "f"].map((name) => `${name} -> @relay`),
].sort();

function startSix(front?: readonly string[]): Promise<TestCrew> {
  return startCrew(CONFIG, {
    files: { "talk.py": TALK },
    ...(front === undefined ? {} : { front }),
  });
}

/** Who has heard whom, once everybody has heard much. */
async function heardIn(crew: TestCrew): Promise<string[]> {
  const pairs = new Set<string>();
  await eventually("everybody hears much", () => {
    pairs.clear();
    const counts = [..."abce"].map((name) => {
      const lines = linesOf(`${crew.projectDir}/${name}.heard`);
      for (const line of lines) pairs.add(`${JSON.parse(line)} -> ${name}`);
      return lines.length;
    });
    return counts.every((count) => count >= LINES);
  });
  return [...pairs].sort();
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

async function pairsInKernel(crew: TestCrew): Promise<string[]> {
  const { processes, system } = await crew.snapshot();
  const pids = [..."abcdef"].map((name) => [name, processes[name]!.pid!] as const);
  const all = new Map([...pids, ["@relay", system["@relay"]!.pid!] as const]);
  return await talkingPairs(all);
}

Deno.test("of six processes on relayed pipes those of the configuration talk, and each with @relay alone", async () => {
  await using crew = await startSix();
  assertEquals(await heardIn(crew), DECLARED);
  assertEquals(await pairsInKernel(crew), WITH_RELAY);
});

Deno.test("the same talk through @relay after everybody was killed, @relay too", async () => {
  await using crew = await startSix();
  await heardIn(crew);
  const { processes, system } = await crew.snapshot();
  const pids = [...[..."abcdef"].map((name) => processes[name]!.pid), system["@relay"]!.pid];
  for (const pid of pids) {
    assert(pid !== null && pid > 1);
    Deno.kill(pid, "SIGKILL");
  }
  await crew.until(
    "all are back",
    (now) =>
      [..."abcdef"].every((name) => now.processes[name]!.starts === 2) &&
      (now.system["@relay"]!.pid ?? 0) > 0 && now.system["@relay"]!.pid !== system["@relay"]!.pid,
  );
  for (const name of "abce") Deno.removeSync(`${crew.projectDir}/${name}.heard`);
  // Their files are made anew by who starts anew.
  for (const name of "abcdef") Deno.kill((await crew.process(name)).pid!, "SIGKILL");
  assertEquals(await heardIn(crew), DECLARED);
  assertEquals(await pairsInKernel(crew), WITH_RELAY);
});

Deno.test("a way to @relay that leaks to a neighbour is found, by the kernel and by what arrives", async () => {
  // Of "feed" and of "notes": the legs from their first producers.
  for (const [leg, heard] of [[0, ["f -> b", "f -> c"]], [3, ["f -> e"]]] as const) {
    const descriptor = { fd: LEAKED_FD, kind: "channel", channel: leg, end: "write" };
    await using crew = await startSix([
      LEAKING_FRONT,
      JSON.stringify({ process: "f", descriptor }),
    ]);
    assertEquals(await heardIn(crew), [...DECLARED, ...heard].sort());
    const inode = Deno.readLinkSync(`/proc/${(await crew.process("f")).pid}/fd/${LEAKED_FD}`);
    assert(inode.startsWith("pipe:"), inode);
  }
});

Deno.test("a consumer's end of a relayed pipe that leaks to a neighbour is found", async () => {
  const descriptor = { fd: LEAKED_FD, kind: "channel", channel: 1, end: "read" };
  await using crew = await startSix([LEAKING_FRONT, JSON.stringify({ process: "f", descriptor })]);
  await eventually("f is seen", async () => (await pairsInKernel(crew)).includes("@relay -> f"));
});
