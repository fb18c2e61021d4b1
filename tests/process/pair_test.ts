/** Pairs between real processes that die and come back, Deno programs without permissions too. */
import { assert, assertEquals } from "@std/assert";
import { eventually, startCrew } from "../support/crew.ts";

const MOD = new URL("../../src/child/mod.ts", import.meta.url).href;

for (const type of ["seqpacket", "datagram"] as const) {
  Deno.test(`packets() keeps messages whole over a ${type} pair while both sides are killed`, async () => {
    await using crew = await startCrew(
      `
import { command, defineConfig, deno, socket } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "packets",
  processes: {
    echo: { run: deno("./echo.ts"), restart },
    asker: { run: command(["python3", "-SE", "asker.py"]), restart },
  },
  channels: { talk: socket({ between: ["asker.talk", "echo.talk"], type: "${type}", ends: "hold" }) },
});`,
      {
        files: {
          "echo.ts": `
import { packets } from ${JSON.stringify(MOD)};
const talk = packets("talk");
for await (const message of talk) {
  while (talk.send(message).kind === "full") await talk.drained();
}
`,
          // Sizes up to the largest that packets() takes; each says its own size.
          "asker.py": `
import json, os, select, socket
[link] = json.loads(os.environ["COX_LINKS"])["links"]
talk = socket.socket(fileno=link["fd"])
log = open("log.txt", "a", buffering=1)
sizes = [1, 100, 4096, 65535]
sent = 0
while True:
    size = sizes[sent % 4]
    talk.send((b"%d." % size).ljust(size, b"x")[:size])
    sent += 1
    while select.select([talk], [], [], 0 if sent % 3 else 0.05)[0]:
        answer = talk.recv(70000)
        head = answer.split(b".")[0].rstrip(b"x")
        whole = len(answer) == 1 or int(head) == len(answer)
        log.write("ok\\n" if whole else "torn %d\\n" % len(answer))
`,
        },
      },
    );
    const lines = () => {
      try {
        return Deno.readTextFileSync(`${crew.projectDir}/log.txt`).split("\n").slice(0, -1);
      } catch {
        return [];
      }
    };
    for (let kills = 0; kills < 20; kills++) {
      const before = lines().length;
      await eventually("some were answered", () => lines().length > before + 10);
      const { processes } = await crew.until(
        "both run",
        (now) => ["echo", "asker"].every((name) => now.processes[name]!.pid !== null),
      );
      Deno.kill(processes[kills % 2 === 0 ? "echo" : "asker"]!.pid!, "SIGKILL");
    }
    const before = lines().length;
    await eventually("they talk on", () => lines().length > before + 10);
    assertEquals(new Set(lines()), new Set(["ok"]));
    const exits = crew.events().flatMap((event) =>
      event.event === "exit" && event.reason.kind === "code" ? [event.reason.code] : []
    );
    assertEquals(exits, [], "nobody ended by itself: nothing of the other's end was seen");
  });
}

Deno.test("a stream pair joins two Deno programs without permissions; one's final end is the other's", async () => {
  await using crew = await startCrew(
    `
import { defineConfig, deno, socket } from "coxswain";
const restart = { policy: "transient" } as const;
export default defineConfig({
  name: "stream",
  processes: {
    asks: { run: deno("./asks.ts"), restart },
    answers: { run: deno("./answers.ts"), restart },
  },
  channels: { talk: socket({ between: ["asks.talk", "answers.talk"] }) },
});`,
    {
      waitForControl: false,
      files: {
        "asks.ts": `
import { connect } from ${JSON.stringify(MOD)};
const talk = connect("talk", { as: "lines" });
const answers = talk[Symbol.asyncIterator]();
for (let n = 1; n <= 1000; n++) {
  talk.send(String(n));
  const { value } = await answers.next();
  if (value !== String(n * n)) throw new Error("wrong answer " + value);
}
console.log("asked 1000");
Deno.exit(0);
`,
        "answers.ts": `
import { connect } from ${JSON.stringify(MOD)};
const talk = connect("talk", { as: "lines" });
for await (const line of talk) talk.send(String(Number(line) ** 2));
console.log("the end was seen");
`,
      },
    },
  );
  assertEquals((await crew.ended()).code, 0, crew.output());
  assert(/asks .*asked 1000/.test(crew.output()), crew.output());
  assert(/answers .*the end was seen/.test(crew.output()), crew.output());
});
