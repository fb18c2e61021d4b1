import { assertEquals } from "@std/assert";
import { LEG_PIPES_MAX } from "../../../src/channel/relay/relay_protocol.ts";
import type { ContractPlan } from "../../../src/plan/contract.ts";
import { descriptorsNeeded } from "../../../src/plan/descriptor_need.ts";
import { relayedPlan } from "../channel/relay_fixtures.ts";

const needOf = (producers: number, consumers: number) => {
  const names = (count: number, what: string) =>
    Array.from({ length: count }, (_, at) => `${what}${at}`);
  const plan = relayedPlan({ producers: names(producers, "p"), consumers: names(consumers, "c") });
  // The processes are the same: what is left is what the legs need.
  return descriptorsNeeded(plan) - descriptorsNeeded({ ...plan, channels: [], relayed: [] });
};

Deno.test("descriptorsNeeded() counts every pipe that a leg of a relayed pipe may hold", () => {
  const relay = needOf(1, 1) - 3 * LEG_PIPES_MAX;
  assertEquals(relay, 3);
  assertEquals(needOf(5, 1) - needOf(1, 1), 4 * LEG_PIPES_MAX);
  assertEquals(needOf(1, 4) - needOf(1, 1), 3 * 2 * LEG_PIPES_MAX);
});

Deno.test("descriptorsNeeded() counts what contracts hold, by process and by program", () => {
  const plan = relayedPlan({ producers: ["p"], consumers: ["c"] });
  const contract: ContractPlan = {
    name: "p.stop",
    process: 1,
    critical: false,
    tolerate: { misses: 0, window: 1 },
    recoverAfter: 1,
    onMiss: [],
    onBroken: [],
    kind: "span",
    span: "stop",
    warnNs: 1,
    missNs: 0,
  };
  const run = { kind: "run", argv: ["/x"], executable: "/x", timeoutNs: 1 } as const;
  const more = (contracts: readonly ContractPlan[]) =>
    descriptorsNeeded({ ...plan, contracts }) - descriptorsNeeded(plan);
  assertEquals(more([contract]), 6);
  assertEquals(more([contract, contract]), 6);
  assertEquals(more([contract, { ...contract, process: 2, onMiss: [run] }]), 9);
  const leg = plan.channels.findIndex((each) => each.kind === "leg" && each.direction === "out");
  const { span: _span, kind: _kind, ...base } = contract;
  const latency: ContractPlan = { ...base, kind: "latency", channel: leg, consumer: 0, missNs: 1 };
  assertEquals(more([contract, latency, latency]), 7, "the pipe that it reads from");
  const watchdog = { device: "/dev/watchdog", timeoutNs: 1, strokeNs: 1 };
  const guarded = { ...plan, supervisor: { scheduling: null, watchdog } };
  assertEquals(descriptorsNeeded(guarded) - descriptorsNeeded(plan), 1);
});
