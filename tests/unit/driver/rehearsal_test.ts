import { assertEquals } from "@std/assert";
import { startClock } from "../../../src/driver/clock.ts";
import { rehearseRestart } from "../../../src/driver/rehearsal.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { Containment } from "../../../src/process/containment.ts";
import { childrenOf } from "../../../src/process/tree.ts";
import { openDescriptors, until } from "../../process/support/harness.ts";
import { planOf, processPlan } from "./fixtures.ts";

Deno.test("rehearseRestart() comes to an end, and leaves no process, descriptor or timer", async () => {
  using reactor = new Reactor();
  const warnings: string[] = [];
  using containment = new Containment({
    cgroupDir: null,
    guardPid: Deno.ppid,
    supervisorPid: Deno.pid,
    runId: "r",
    onWarning: (message) => warnings.push(message),
  });
  const plan = planOf([processPlan("a")]);
  const parts = { plan, clock: startClock(), reactor, containment };
  const before = { descriptors: openDescriptors(), children: childrenOf(Deno.pid) };
  await rehearseRestart(parts);
  await until("its descriptors are closed", () => openDescriptors() === before.descriptors);
  assertEquals(childrenOf(Deno.pid), before.children);
  assertEquals(warnings, []);
});
