/** What cannot fit a machine, in words: at the bounds. The arithmetic is `analysis_test.ts`'s. */
import { assertEquals } from "@std/assert";
import { type MachineFigures, misfits } from "../../../src/deadline/misfits.ts";
import type { ContractPlan, SchedulingPlan, SchedulingPolicy } from "../../../src/plan/contract.ts";

const MS = 1_000_000;
const MACHINE: MachineFigures = {
  cpus: [0, 1],
  realTimeShare: 0.95,
  jitterNs: { realTime: 0.2 * MS, other: MS },
  measured: false,
};

const BASE = {
  ...{ process: 0, critical: false, tolerate: { misses: 0, window: 1 }, recoverAfter: 1 },
  ...{ onMiss: [], onBroken: [] },
};

function cycle(name: string, budgetMs: number, periodMs: number, lateMs = periodMs): ContractPlan {
  return {
    ...BASE,
    ...{ name, kind: "cycle", cycle: name, line: 0, offsetNs: 0, warnNs: 0 },
    ...{ periodNs: periodMs * MS, budgetNs: budgetMs * MS, latenessNs: lateMs * MS },
  };
}

function heartbeat(name: string, missMs: number): ContractPlan {
  const source = { by: "pulse", line: 0 } as const;
  return { ...BASE, name, kind: "heartbeat", source, warnNs: 0, missNs: missMs * MS };
}

function scheduled(policy: SchedulingPolicy | null, cpus: number[] | null = null): SchedulingPlan {
  return { policy, cpus, ioClass: null, lockMemory: false, oomScore: null, timerSlackNs: null };
}

const fifo = (priority: number, cpus: number[] | null) =>
  scheduled({ kind: "fifo", priority }, cpus);

function found(contracts: [ContractPlan, SchedulingPlan | null][], machine = MACHINE) {
  const list = contracts.map(([contract, scheduling]) => ({ contract, scheduling }));
  return misfits(list, machine).map(({ contracts, message }) => [contracts.join(" "), message]);
}

Deno.test("misfits() finds budgets that are more than a CPU has, at the bound and above it", () => {
  const on0 = scheduled(null, [0]);
  assertEquals(found([[cycle("a", 5, 10), on0], [cycle("b", 10, 20), on0]]), []);
  assertEquals(found([[cycle("a", 5, 10), on0], [cycle("b", 11, 20), on0]]), [[
    "a b",
    "CPU 0 cannot give the budgets that are asked of it: 5 ms/10 ms + 11 ms/20 ms = 1.05, above 1",
  ]]);
  // Each has a CPU of its own.
  assertEquals(found([[cycle("a", 9, 10), on0], [cycle("b", 9, 10), scheduled(null, [1])]]), []);
});

Deno.test("misfits() gives real-time policies no more than their share", () => {
  const contracts = (budget: number): [ContractPlan, SchedulingPlan][] => [
    [cycle("a", budget, 100), fifo(1, [1])],
  ];
  assertEquals(found(contracts(95)), []);
  assertEquals(found(contracts(96)), [[
    "a",
    "CPU 1 cannot give the budgets that are asked of it: 96 ms/100 ms = 0.96, above 0.95, which " +
    "is what real-time policies may use (sched_rt_runtime_us)",
  ]]);
});

Deno.test("misfits() adds up what may run anywhere, and names a few of many", () => {
  const many = Array.from({ length: 7 }, (_, at): [ContractPlan, null] => [
    cycle(`c${at}`, 3, 10),
    null,
  ]);
  assertEquals(found(many), [[
    "c0 c1 c2 c3 c4 c5 c6",
    "CPUs 0, 1 cannot give the budgets that are asked of it: 3 ms/10 ms + 3 ms/10 ms + 3 ms/10 ms + " +
    "3 ms/10 ms + 3 ms/10 ms + 2 more = 2.1, above 2",
  ]]);
});

Deno.test("misfits() finds response times that are too long under fixed priorities", () => {
  // R = 2 + ⌈R/5⌉ × 2 = 4 for the lower one.
  const pair = (late: number): [ContractPlan, SchedulingPlan][] => [
    [cycle("high", 2, 5), fifo(9, [0])],
    [cycle("low", 2, 20, late), fifo(3, [0])],
  ];
  assertEquals(found(pair(2)), []);
  assertEquals(found(pair(1.9)), [[
    "low high",
    "it may end later than 3.9 ms after it is due: R = 2 ms + ⌈R/5 ms⌉ × 2 ms has come to 4 ms " +
    "(CPU 0)",
  ]]);
  // The same priority may be before it; a lower one and another CPU are not.
  assertEquals(
    found([[cycle("a", 4, 10, 3), fifo(3, [0])], [cycle("b", 4, 10, 3), fifo(3, [0])]]).length,
    2,
  );
  assertEquals(
    found([[cycle("a", 4, 10, 3), fifo(3, [0])], [cycle("b", 4, 10, 3), fifo(3, [1])]]),
    [],
  );
});

Deno.test("misfits() finds times that a wake-up is later than", () => {
  assertEquals(found([[heartbeat("a", 1), null], [cycle("c", 0.5, 10, 2), null]]), []);
  assertEquals(found([[heartbeat("a", 0.9), null], [heartbeat("b", 0.2), fifo(1, null)]]), [[
    "a",
    "a limit of 0.9 ms is below the 1 ms that a wake-up here is assumed to be late by at times",
  ]]);
  const measured = { ...MACHINE, measured: true };
  assertEquals(found([[cycle("c", 0.2, 2, 0.5), null]], measured), [[
    "c",
    "a lateness of 0.5 ms is below the 1 ms that a wake-up here was late by at times",
  ]]);
});

Deno.test("misfits() holds a cycle to the reservation of its process", () => {
  const policy = {
    kind: "deadline",
    runtimeNs: MS,
    deadlineNs: 5 * MS,
    periodNs: 10 * MS,
  } as const;
  assertEquals(found([[cycle("c", 2, 20), scheduled(policy)]]), []);
  assertEquals(found([[cycle("c", 3, 20), scheduled(policy)]]), [[
    "c",
    "its budget is more than its reservation: 3 ms/20 ms = 0.15, above 1 ms/10 ms = 0.1",
  ]]);
});

Deno.test("misfits() computes response times of 200 cycles, and says where there are more", () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at): [ContractPlan, SchedulingPlan] => [
      cycle(`c${at}`, 0.001, 1000),
      fifo(5, [0]),
    ]);
  assertEquals(found(many(200)), []);
  assertEquals(found(many(201)), [[
    "c0",
    "response times are not computed: 201 cycles of policy fifo or rr have one CPU, and at most " +
    "200 are looked at",
  ]]);
});
