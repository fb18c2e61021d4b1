/**
 * Listeners held by the supervisor, with real servers that are killed and restarted under
 * load: nobody is refused, and nobody is lost who was not yet accepted.
 */
import { assert, assertEquals } from "@std/assert";
import { connectControl } from "../../src/control/client.ts";
import { eventually, startCrew } from "../support/crew.ts";
import { killOverAndOver, KILLS } from "./guarantees/kill.ts";
import { freePort, type Load, startLoad } from "./support/socket_load.ts";

const CLIENTS = 8;

/** Takes one connection at a time: whoever kills it takes at most one with it. */
const ONE_AT_A_TIME = `
import os, socket
assert os.environ["LISTEN_PID"] == str(os.getpid()), os.environ["LISTEN_PID"]
assert (os.environ["LISTEN_FDS"], os.environ["LISTEN_FDNAMES"]) == ("1", "requests")
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    client.sendall(client.recv(100))
    client.close()
`;

/** Ends at SIGTERM, between two connections; does not wait for one. */
const DRAINING = `
import select, signal, socket
listener = socket.socket(fileno=3)
wake, woken = socket.socketpair()
woken.setblocking(False)
signal.set_wakeup_fd(woken.fileno())
signal.signal(signal.SIGTERM, lambda *_: None)
while True:
    readable, _, _ = select.select([listener, wake], [], [])
    if wake in readable: break
    client, _ = listener.accept()
    client.sendall(client.recv(100))
    client.close()
`;

const DRAINING_DENO = (mod: string) => `
import { listener, stopSignal } from ${JSON.stringify(mod)};
const serving = new Set();
for await (const client of listener("requests").accept({ signal: stopSignal() })) {
  const served = serve(client).catch(() => client.close());
  serving.add(served);
  served.finally(() => serving.delete(served));
}
await Promise.all(serving);
async function serve(client) {
  const reader = client.readable.getReader();
  const { value } = await reader.read();
  const writer = client.writable.getWriter();
  await writer.write(value);
  await writer.close();
  await reader.cancel();
}
`;

const MOD = new URL("../../src/child/mod.ts", import.meta.url).href;

function config(run: string, address: string): string {
  return `
import { command, defineConfig, deno, listen } from "coxswain";
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "listen",
  processes: { server: { run: ${run}, restart } },
  channels: { requests: listen({ server: "server.requests", ${address}, clients: "anyone" }) },
});`;
}

Deno.test(`listeners under load survive ${KILLS} kills of their servers: nobody refused, none lost in the backlog`, async () => {
  const port = freePort();
  await using crew = await startCrew(
    `
import { command, defineConfig, listen } from "coxswain";
const run = command(["python3", "-SE", "server.py"]);
const restart = { backoff: { initial: "1ms", max: "1ms", jitter: 0 } } as const;
export default defineConfig({
  name: "listeners",
  processes: { unix: { run, restart }, tcp: { run, restart } },
  channels: {
    one: listen({ server: "unix.requests", unix: { path: "./s/socket" }, clients: "anyone" }),
    two: listen({ server: "tcp.requests", tcp: { port: ${port} }, clients: "anyone" }),
  },
});`,
    { files: { "server.py": ONE_AT_A_TIME } },
  );
  await using unix = startLoad({ path: `${crew.projectDir}/s/socket` }, CLIENTS);
  await using tcp = startLoad({ port }, CLIENTS);
  // At any point of its life: before it accepts, in the midst of it, between two.
  const seed = Math.floor(Math.random() * 2 ** 31);
  const victims = [["unix", unix], ["tcp", tcp]] as const;
  await killOverAndOver(
    crew.runDir,
    seed,
    ...victims.map(([name, load]) => ({ names: [name], areAtWork: servedEachSecondTime(load) })),
  );
  for (const [kind, load] of victims) {
    const { answered, unanswered, refused, wrong } = await load.stop();
    console.log(`${kind}: ${answered} answered, ${unanswered} died with an instance`);
    assertEquals([refused, wrong], [[], []], `seed ${seed}`);
    assert(answered > KILLS, `${answered} were answered, seed ${seed}`);
    // A lost backlog would lose up to ${CLIENTS} a kill.
    assert(
      unanswered <= KILLS,
      `${unanswered} of ${answered + unanswered} were lost, seed ${seed}`,
    );
  }
});

/** Whether an instance has served somebody; of every second one that it runs. */
function servedEachSecondTime({ report }: Load): (now: unknown, atStart: unknown) => boolean {
  let [start, answered, count]: [unknown, number, number] = [null, 0, 0];
  return (_now, atStart) => {
    if (start !== atStart) [start, answered, count] = [atStart, report.answered, count + 1];
    return count % 2 === 0 || report.answered > answered;
  };
}

/** Takes what comes of its clients. */
const PATIENT = `
import socket
listener = socket.socket(fileno=3)
while True:
    client, _ = listener.accept()
    try: client.sendall(client.recv(100))
    except OSError: pass
    client.close()
`;

Deno.test(`clients of a listener are killed ${KILLS} times each under load: no other notices`, async () => {
  const dying = `command(["python3", "-SE", "client.py"])`;
  const victims = ["dying-1", "dying-2"];
  const members = victims.map((name) => `"${name}": { run: ${dying}, restart },`).join("\n    ");
  await using crew = await startCrew(
    config(`command(["python3", "-SE", "server.py"])`, `unix: { path: "./s/socket" }`).replace(
      "  processes: {",
      `  processes: {\n    ${members}`,
    ),
    {
      files: {
        "server.py": PATIENT,
        "client.py": `
import socket
while True:
    with socket.socket(socket.AF_UNIX) as one:
        one.connect("s/socket")
        one.sendall(b"x")
        one.recv(100)
`,
      },
    },
  );
  await using load = startLoad({ path: `${crew.projectDir}/s/socket` }, CLIENTS);
  const seed = Math.floor(Math.random() * 2 ** 31);
  // Half of them before Python has begun, the other half at work.
  const all = victims.map((name) => ({ names: [name], livesMs: 60 }));
  await killOverAndOver(crew.runDir, seed, ...all);
  const { answered, unanswered, refused, wrong } = await load.stop();
  assertEquals([refused, wrong, unanswered], [[], [], 0], `seed ${seed}`);
  assert(answered > KILLS, `${answered} were answered`);
  assertEquals((await crew.process("server")).instance, 1);
});

for (
  const [name, run, files] of [
    ["Python", `command(["python3", "-SE", "server.py"])`, { "server.py": DRAINING }],
    ["Deno", `deno("./server.ts")`, { "server.ts": DRAINING_DENO(MOD) }],
  ] as const
) {
  Deno.test(`a ${name} server that drains at its stop loses no connection over 20 restarts under load`, async () => {
    await using crew = await startCrew(config(run, `unix: { path: "./s/socket" }`), { files });
    await using load = startLoad({ path: `${crew.projectDir}/s/socket` }, CLIENTS);
    const control = await connectControl(`${crew.runDir}/control.sock`);
    for (let restarts = 0; restarts < 20; restarts++) {
      const before = load.report.answered;
      await eventually("some were served", () => load.report.answered > before + CLIENTS);
      const { outcomes } = await control.call("restart", { name: "server" });
      assertEquals(outcomes[0]?.kind, "accepted");
    }
    control.close();
    const { answered, unanswered, refused, wrong } = await load.stop();
    assertEquals({ unanswered, refused, wrong }, { unanswered: 0, refused: [], wrong: [] });
    assert(answered > 20 * CLIENTS);
    const { starts } = await crew.process("server");
    assertEquals(starts, 21);
    const kills = crew.events().filter((event) =>
      event.event === "signal" && event.signal === "SIGKILL" && event.cause !== "leftover"
    );
    assertEquals(kills, [], "it drained in time");
    console.log(`${name}: ${answered} answered`);
  });
}
