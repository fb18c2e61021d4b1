/**
 * Listeners held by the supervisor, with real servers that are killed and restarted under
 * load: nobody is refused, and nobody is lost who was not yet accepted.
 */
import { assert, assertEquals } from "@std/assert";
import { connectControl, type ControlClient } from "../../src/control/client.ts";
import { eventually, startCrew } from "../support/crew.ts";
import { freePort, startLoad } from "./support/socket_load.ts";

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

/** Waits for a live instance that is not \`previous\`. */
async function nextPid(control: ControlClient, previous: number): Promise<number> {
  let found = 0;
  await eventually(`an instance after pid ${previous}`, async () => {
    const { processes } = await control.call("snapshot", {});
    const { pid } = processes["server"]!;
    found = pid ?? 0;
    return pid !== null && pid !== previous;
  });
  return found;
}

for (const kind of ["unix", "tcp"] as const) {
  Deno.test(`a ${kind} listener under load survives 200 kills of its server: nobody refused, none lost in the backlog`, async () => {
    const port = freePort();
    const address = kind === "unix" ? `unix: { path: "./s/socket" }` : `tcp: { port: ${port} }`;
    await using crew = await startCrew(
      config(`command(["python3", "-SE", "server.py"])`, address),
      {
        files: { "server.py": ONE_AT_A_TIME },
      },
    );
    const target = kind === "unix" ? { path: `${crew.projectDir}/s/socket` } : { port };
    await using load = startLoad(target, CLIENTS);
    const control = await connectControl(`${crew.runDir}/control.sock`);
    let kills = 0;
    let pid = 0;
    while (kills < 200) {
      pid = await nextPid(control, pid);
      // At any point of its life: before it accepts, in the midst of it, between two.
      const before = load.report.answered;
      if (kills % 2 === 0) {
        await eventually("some were served", () => load.report.answered > before + kills % 7);
      }
      Deno.kill(pid, "SIGKILL");
      kills++;
    }
    await nextPid(control, pid);
    control.close();
    const { answered, unanswered, refused, wrong } = await load.stop();
    assertEquals(refused, []);
    assertEquals(wrong, []);
    assert(answered > kills, `${answered} were answered`);
    // A lost backlog would lose up to ${CLIENTS} a kill.
    assert(unanswered <= kills, `${unanswered} of ${answered + unanswered} were lost`);
    console.log(`${kind}: ${answered} answered, ${unanswered} died with an instance`);
  });
}

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
