import { assert, assertEquals } from "@std/assert";
import { closeFd } from "../../../src/os/pipe.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import { exitReason, reap, STATUS_LOST_CODE } from "../../../src/process/reap.ts";
import { ended, mustSpawn, shellRequest, until } from "../../process/support/harness.ts";

Deno.test("exitReason() reads codes, signals and core dumps", () => {
  assertEquals(exitReason(0), { kind: "code", code: 0, cause: null });
  assertEquals(exitReason(255 << 8), { kind: "code", code: 255, cause: null });
  const killed = { kind: "signal", signal: "SIGSEGV", coreDumped: true, cause: null } as const;
  assertEquals(exitReason(0x80 | 11), killed);
  assertEquals(exitReason(11), { ...killed, coreDumped: false });
  assertEquals(exitReason(34), { ...killed, coreDumped: false, signal: "SIG34" });
});

Deno.test("reap() says running, then exited with the CPU time used", async () => {
  const script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec sleep 30";
  const child = mustSpawn(shellRequest(script));
  assertEquals(reap(child.pid), { kind: "running" });
  await until("sleep", () => {
    return Deno.readTextFileSync(`/proc/${child.pid}/comm`).trim() === "sleep";
  });
  sendSignal(child.pid, 15);
  const { reason, cpuMs } = await ended(child);
  assertEquals(reason, { kind: "signal", signal: "SIGTERM", coreDumped: false, cause: null });
  assert(cpuMs > 1 && cpuMs < 60_000, `${cpuMs} ms`);
});

Deno.test("reap() asks about lack of memory after SIGKILL alone", async () => {
  for (const [signal, expected] of [["KILL", "outOfMemory"], ["TERM", "signal"]] as const) {
    const child = mustSpawn(shellRequest(`kill -${signal} $$`));
    const found = await until("its end", () => {
      const result = reap(child.pid, { oomKilled: () => true });
      return result.kind === "exited" ? result : null;
    });
    closeFd(child.pidfd);
    assertEquals(found.reason.kind, expected);
  }
});

Deno.test("reap() reports a status that somebody else took as a bad exit", () => {
  const result = reap(1);
  assertEquals(result, {
    kind: "exited",
    reason: { kind: "code", code: STATUS_LOST_CODE, cause: null },
    cpuMs: 0,
  });
});
