/**
 * The runtime's debugger: at SIGUSR1 it opens a port to everybody on the machine, and who connects
 * reads what closures hide, the raw functions of the seal's library included. Real processes.
 */
import { assert, assertEquals } from "@std/assert";
import { signalNumber } from "../../src/os/signals.ts";
import { childrenOf } from "../../src/process/tree.ts";
import { startCrew } from "../support/crew.ts";
import { pidsOf } from "../support/crew_pids.ts";
import { runSealed, SealedBench } from "../support/sealed_program.ts";

/** What the runtime listens on when it is not told otherwise. */
const DEBUGGER = "127.0.0.1:9229";

Deno.test("a sealed program cannot have its own debugger opened", async () => {
  using bench = new SealedBench();
  const { text } = await runSealed(
    `
    const { default: process } = await import("node:process");
    // The runtime begins to listen for the signal half a second after its start.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const open = [];
    for (const way of [
      () => process.kill(process.pid, "SIGUSR1"),
      () => process._debugProcess(process.pid),
      () => Deno.kill(Deno.pid, "SIGUSR1"),
      async () => (await import("node:inspector")).open(),
    ]) {
      try { await way(); } catch {}
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
    try {
      // One that was open before would be somebody else's.
      const [{ title }] = await (await fetch("http://${DEBUGGER}/json/list")).json();
      if (title.includes("pid: " + Deno.pid + "]")) open.push(title);
    } catch {}
    console.log(JSON.stringify(open));`,
    bench.consumer(),
    { permissionFlags: ["--allow-net=" + DEBUGGER] },
  );
  assertEquals(text.trim(), "[]");
});

Deno.test("the supervisor, what it runs of its own, and sandboxed programs are deaf to SIGUSR1; commands are not", async () => {
  await using crew = await startCrew(
    `
import { command, defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "deaf",
  processes: {
    sandboxed: { run: deno("./wait.ts") },
    command: { run: command(["sleep", "1000"]) },
  },
});`,
    { files: { "wait.ts": "setInterval(() => {}, 1000);\n" } },
  );
  await crew.until(
    "all run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
  const { sandboxed, command } = (await crew.snapshot()).processes;
  const { supervisor } = pidsOf(crew);
  const own = childrenOf(supervisor).filter((pid) =>
    pid !== sandboxed!.pid && pid !== command!.pid
  );
  assert(own.length > 0, "@log is one");
  assertEquals([...own, supervisor, sandboxed!.pid!].map(blocksIt).filter((deaf) => !deaf), []);
  assertEquals(blocksIt(command!.pid!), false);
});

function blocksIt(pid: number): boolean {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  const mask = BigInt(`0x${/^SigBlk:\s*([0-9a-f]+)$/m.exec(status)![1]}`);
  return ((mask >> BigInt(signalNumber("SIGUSR1")! - 1)) & 1n) === 1n;
}
