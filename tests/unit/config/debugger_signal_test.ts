/** Who may be sent the signal at which the runtime opens its debugger. */
import { assertEquals } from "@std/assert";
import { type Data, issuesOf, RUN } from "./samples.ts";

const DENO = { kind: "deno", path: "./a.ts" };
const SIGNAL = { signal: "SIGUSR1" };

function crew(run: Data, signal: Data = SIGNAL): Data {
  return {
    name: "crew",
    processes: {
      a: {
        run,
        ready: { by: "notify" },
        stop: signal,
        deadlines: { heartbeat: { within: "1s", miss: ["warn", signal] } },
      },
      constructor: { run: RUN },
    },
    channels: {
      x: {
        kind: "pipe",
        from: "constructor.x",
        to: "a.x",
        stall: { after: "1s", action: signal },
      },
    },
  };
}

Deno.test("checkDebuggerSignal() finds SIGUSR1 wherever a program of the runtime is sent it", () => {
  const deaf =
    '"a" never hears SIGUSR1: it would open the debugger of the runtime, and is blocked | use SIGUSR2';
  assertEquals(issuesOf(crew(DENO)), [
    `processes.a.stop.signal | ${deaf}`,
    `processes.a.deadlines.heartbeat.miss.1.signal | ${deaf}`,
    `channels.x.stall.action.signal | ${deaf}`,
  ]);
});

Deno.test("checkDebuggerSignal() lets commands have SIGUSR1, and all others SIGUSR2", () => {
  assertEquals(issuesOf(crew(RUN)), []);
  assertEquals(issuesOf(crew(DENO, { signal: "SIGUSR2" })), []);
});
