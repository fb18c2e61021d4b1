import { assert, assertEquals } from "@std/assert";
import { sendSignal } from "../../../src/os/signals.ts";
import {
  childrenOf,
  cpuMsOf,
  descendantsOf,
  environmentOf,
  isAlive,
  isDescendant,
  openFileOf,
  parseStat,
  processStat,
  rssBytes,
} from "../../../src/process/tree.ts";
import { reap } from "../../../src/process/reap.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { ended, mustSpawn, shellRequest, until } from "../../process/support/harness.ts";

const REST = "S 7 8 9 0 -1 4194304 3 0 4 0 11 22 0 0 20 0 1 0 12345 1000 10 0";

Deno.test("parseStat() is not misled by the name", () => {
  for (const command of ["sh", "a b", "x) R 1 1 1", "(((", ")", "a\nb", ""]) {
    assertEquals(parseStat(`5 (${command}) ${REST}`), {
      pid: 5,
      command,
      state: "S",
      ppid: 7,
      pgrp: 8,
      session: 9,
      minorFaults: 3,
      majorFaults: 4,
      cpuTicks: 33,
      startTicks: 12345,
    });
  }
});

Deno.test("parseStat() gives null for what is no stat", () => {
  for (const text of ["", "5 (sh", "5 (sh) S 1", "garbage"]) assertEquals(parseStat(text), null);
});

Deno.test("descendantsOf() lists parents before children, and isDescendant() agrees", async () => {
  const child = mustSpawn(shellRequest("sh -c 'sleep 30; :' ; :"));
  const family = await until("three generations", () => {
    const found = descendantsOf(child.pid);
    return found.length === 2 ? found : null;
  });
  assertEquals(childrenOf(child.pid), [family[0]]);
  assertEquals(processStat(family[1]!)?.ppid, family[0]);
  for (const pid of [child.pid, ...family]) {
    assert(isDescendant(pid, child.pid));
    assert(isDescendant(pid, Deno.pid));
  }
  assert(!isDescendant(child.pid, family[0]!));
  assert(!isDescendant(1, child.pid));
  sendSignal(-child.pid, 9);
  await ended(child);
  assert(!isDescendant(child.pid, Deno.pid));
});

Deno.test("isAlive() takes a zombie for dead, and reap() collects it", async () => {
  const child = mustSpawn(shellRequest("exit 0"));
  await until("a zombie", () => processStat(child.pid)?.state === "Z");
  assert(!isAlive(child.pid));
  assertEquals(reap(child.pid).kind, "exited");
  assertEquals(processStat(child.pid), null);
  closeFd(child.pidfd);
});

Deno.test("rssBytes() and cpuMsOf() measure a process and are 0 for none", async () => {
  const child = mustSpawn(shellRequest("while :; do :; done"));
  await until("CPU time", () => cpuMsOf(child.pid) > 0);
  assert(rssBytes(child.pid) > 100_000 && rssBytes(child.pid) < 100_000_000);
  sendSignal(-child.pid, 9);
  await ended(child);
  assertEquals([rssBytes(child.pid), cpuMsOf(child.pid)], [0, 0]);
});

Deno.test("environmentOf() and openFileOf() read what a process was given", async () => {
  const child = mustSpawn(shellRequest("exec sleep 30 </dev/null", {
    env: [["PATH", "/bin:/usr/bin"], ["MARK", "a=b"]],
  }));
  await until("sleep", () => processStat(child.pid)?.command === "sleep");
  assert(environmentOf(child.pid)?.includes("MARK=a=b"));
  assertEquals(openFileOf(child.pid, 0), "/dev/null");
  assertEquals(openFileOf(child.pid, 9), null);
  sendSignal(-child.pid, 9);
  await ended(child);
  assertEquals(environmentOf(child.pid), null);
});
