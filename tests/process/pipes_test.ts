/** Pipes between real processes that die and come back: nothing buffered is lost. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew } from "../support/crew.ts";

const RECORD_BYTES = 32;

Deno.test("a pipe keeps every record while both sides are killed again and again", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "records",
  processes: {
    // One write(2) of a whole record: at most PIPE_BUF bytes are atomic.
    producer: { run: command(["python3", "producer.py"]), restart },
    // Takes exactly ten records and ends: the next instance goes on.
    consumer: { run: command(["python3", "consumer.py"]), restart },
  },
  channels: { records: pipe({ from: "producer.stdout", to: "consumer.stdin" }) },
});`,
    {
      files: {
        "producer.py": `
import os
instance = os.environ["COX_INSTANCE"].split("#")[1]
count = 0
while True:
    count += 1
    os.write(1, ("%s %d" % (instance, count)).ljust(${RECORD_BYTES - 1}).encode() + b"\\n")
`,
        "consumer.py": `
import os
out = os.open("out.txt", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
for _ in range(500):
    os.write(out, os.read(0, ${RECORD_BYTES}))
`,
      },
    },
  );
  let kills = 0;
  await eventually("ten producers were killed under load", async () => {
    const { pid } = await crew.process("producer");
    const { restarts } = await crew.process("consumer");
    if (pid === null || restarts < kills * 2) return false;
    Deno.kill(pid, "SIGKILL");
    return ++kills >= 10;
  });
  await eventually("the newest producer was heard", () => lastInstance(crew.projectDir) > 5);
  await crew.stop();
  const lines = Deno.readTextFileSync(`${crew.projectDir}/out.txt`).split("\n").slice(0, -1);
  let previous = [0, 0];
  for (const line of lines) {
    assertEquals(line.length, RECORD_BYTES - 1, `a torn record: ${JSON.stringify(line)}`);
    const [instance = 0, count = 0] = line.trim().split(" ").map(Number);
    const [lastInstance = 0, lastCount = 0] = previous;
    const follows = instance === lastInstance
      ? count === lastCount + 1
      : instance > lastInstance && count === 1;
    assert(follows, `${line.trim()} after ${previous.join(" ")}: records are missing`);
    previous = [instance, count];
  }
});

function lastInstance(dir: string): number {
  try {
    const text = Deno.readTextFileSync(`${dir}/out.txt`);
    return Number(text.slice(-RECORD_BYTES).trim().split(" ")[0]);
  } catch {
    return 0;
  }
}

/** Instances take turns: a Deno program that sets O_NONBLOCK on its end, python3, sh. */
const TURNS = {
  "turns.sh": `
case $(( \${COX_INSTANCE##*#} % 3 )) in
  1) exec "$DENO" run --no-prompt --no-config --allow-env --allow-write=. "$1.mjs" ;;
  2) exec python3 "$1.py" ;;
  0) exec sh "$1.sh" ;;
esac
`,
  "produce.mjs": `
import net from "node:net";
const socket = new net.Socket({ fd: 1, readable: false, writable: true });
for (let count = 1; count <= 20; count++) socket.write("deno " + count + "\\n");
socket.end();
`,
  "produce.py": `
import os
for count in range(1, 21): os.write(1, b"python %d\\n" % count)
`,
  "produce.sh": `i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "sh $i"; done`,
  "consume.mjs": `
import net from "node:net";
import fs from "node:fs";
const socket = new net.Socket({ fd: 0, readable: true, writable: false });
socket.on("data", (chunk) => fs.appendFileSync("out.txt", chunk));
setTimeout(() => process.exit(0), 60);
`,
  "consume.py": `
import os, time
out = open("out.txt", "ab", buffering=0)
end = time.monotonic() + 0.06
while time.monotonic() < end: out.write(os.read(0, 4096))
`,
  "consume.sh":
    `i=0; while [ $i -lt 40 ] && read -r line; do i=$((i+1)); echo "$line" >> out.txt; done`,
};

Deno.test("a pipe serves Deno, python3 and sh in turn: no flag of one reaches the next", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
const env = { DENO: ${JSON.stringify(Deno.execPath())} };
export default defineConfig({
  name: "turns",
  processes: {
    producer: { run: command(["sh", "turns.sh", "produce"]), env, restart },
    consumer: { run: command(["sh", "turns.sh", "consume"]), env, restart },
  },
  channels: { lines: pipe({ from: "producer.stdout", to: "consumer.stdin", capacity: "4KiB" }) },
});`,
    { files: TURNS },
  );
  await crew.until(
    "both sides had every kind of instance twice",
    ({ processes }) => processes.producer!.starts > 7 && processes.consumer!.starts > 7,
  );
  await crew.stop();
  const failures = crew.events().filter((event) =>
    event.event === "exit" && event.reason.kind === "code" && event.reason.code !== 0
  );
  assertEquals(failures, [], "an instance met an error, EAGAIN for one");
  const kinds = new Set(
    Deno.readTextFileSync(`${crew.projectDir}/out.txt`).split("\n").map((line) =>
      line.split(" ")[0]
    ),
  );
  for (const kind of ["deno", "python", "sh"]) assert(kinds.has(kind), `nothing from ${kind}`);
});

Deno.test("producerEnds eof: a finite job ends its consumer, and the crew exits 0", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "finite",
  processes: {
    numbers: { run: command(["seq", "1", "20000"]), restart: { policy: "temporary" } },
    sum: { run: command(["sh", "-c", "awk '{ s += $1 } END { print s }' > sum.txt"]), restart: { policy: "transient" } },
  },
  channels: { numbers: pipe({ from: "numbers.stdout", to: "sum.stdin" }) },
});`,
    { waitForControl: false },
  );
  assertEquals((await crew.ended()).code, 0, crew.output());
  assertEquals(Deno.readTextFileSync(`${crew.projectDir}/sum.txt`), "200010000\n");
});

Deno.test("consumerEnds epipe: head -n 1 ends its producer", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "head",
  processes: {
    yes: { run: command(["yes"]), restart: { policy: "temporary" } },
    head: { run: command(["sh", "-c", "head -n 1 > first.txt"]), restart: { policy: "temporary" } },
  },
  channels: { lines: pipe({ from: "yes.stdout", to: "head.stdin" }) },
});`,
    { waitForControl: false, args: ["--summary", "summary.json"] },
  );
  await crew.ended();
  const summary = JSON.parse(Deno.readTextFileSync(`${crew.projectDir}/summary.json`));
  assertEquals(summary.processes.yes.lastExit.signal, "SIGPIPE", crew.output());
  assertEquals(Deno.readTextFileSync(`${crew.projectDir}/first.txt`), "y\n");
});

Deno.test("producerEnds hold: the consumer waits on when its producer has finally ended", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, pipe } from "coxswain";
export default defineConfig({
  name: "hold",
  processes: {
    once: { run: command(["echo", "x"]), restart: { policy: "temporary" } },
    cat: { run: command(["sh", "-c", "cat > out.txt"]) },
  },
  channels: { lines: pipe({ from: "once.stdout", to: "cat.stdin", producerEnds: "hold" }) },
});`,
  );
  await crew.until(
    "the producer completed",
    ({ processes }) => processes.once!.state === "completed",
  );
  await eventually(
    "its line arrived",
    () => Deno.readTextFileSync(`${crew.projectDir}/out.txt`) === "x\n",
  );
  const { state, instance } = await crew.process("cat");
  assertEquals({ state, instance }, { state: "running", instance: 1 });
});
