/** Utilisation and response times, by hand and against a schedule that is played out. */
import { assert, assertEquals } from "@std/assert";
import { analyse, type Task } from "../../../src/deadline/analysis.ts";
import { Random } from "../../simulation/random.ts";

const task = (name: string, budgetNs: number, periodNs: number, priority: number): Task => ({
  name,
  budgetNs,
  periodNs,
  latenessNs: periodNs,
  cpus: [0],
  policy: { kind: "fixed", priority },
});
const ONE = { online: [0], realTimePart: 1 };

Deno.test("analyse() computes the response times of the textbook", () => {
  // Burns and Wellings, Real-Time Systems, the task set with responses 3, 6, 20.
  const tasks = [task("a", 3, 7, 3), task("b", 3, 12, 2), task("c", 5, 20, 1)];
  const { responseTimes, utilisations, fits } = analyse(tasks, ONE);
  assertEquals(responseTimes.map(({ responseNs }) => responseNs), [3, 6, 20]);
  assertEquals(responseTimes[2]!.steps, [5, 11, 14, 17, 20]);
  assertEquals(responseTimes[2]!.delayedBy.map(({ name }) => name), ["a", "b"]);
  assert(Math.abs(utilisations[0]!.sum - (3 / 7 + 3 / 12 + 5 / 20)) < 1e-12);
  assert(fits);
});

Deno.test("analyse() takes a sum at its bound, and nothing above it", () => {
  const at = analyse([task("a", 50, 100, 2), task("b", 50, 100, 1)], ONE);
  assertEquals([at.utilisations[0]!.fits, at.responseTimes[1]!.responseNs, at.fits], [
    true,
    100,
    true,
  ]);
  const above = analyse([task("a", 50, 100, 2), task("b", 51, 100, 1)], ONE);
  assertEquals([above.utilisations[0]!.fits, above.responseTimes[1]!.responseNs], [false, null]);
});

Deno.test("analyse() holds a start to its lateness", () => {
  const late = (latenessNs: number) =>
    analyse([task("a", 10, 100, 2), { ...task("b", 20, 100, 1), latenessNs }], ONE).fits;
  assertEquals([late(10), late(9)], [true, false]);
});

Deno.test("analyse() knows what the kernel leaves to real-time policies", () => {
  const tasks = [task("a", 96, 100, 1)];
  const { utilisations, fits } = analyse(tasks, { online: [0], realTimePart: 0.95 });
  assertEquals(utilisations.map(({ of, fits }) => [of, fits]), [["all", true], [
    "real-time",
    false,
  ]]);
  assertEquals(fits, false);
});

Deno.test("analyse() sums up who is confined to the same CPUs, and no others", () => {
  const cpus = { online: [0, 1, 2], realTimePart: 1 };
  const tasks: Task[] = [
    task("a", 60, 100, 1),
    { ...task("b", 60, 100, 1), cpus: [1], policy: { kind: "fair" } },
    { ...task("c", 90, 100, 1), cpus: [0, 1] },
    { ...task("d", 90, 100, 1), cpus: null },
  ];
  const { utilisations, responseTimes } = analyse(tasks, cpus);
  assertEquals(
    utilisations.map((
      { cpus, shares, bound, fits },
    ) => [cpus, shares.map(({ name }) => name), bound, fits]),
    [
      [[0], ["a"], 1, true],
      [[1], ["b"], 1, true],
      [[0, 1], ["a", "b", "c"], 2, false],
      [[0, 1, 2], ["a", "b", "c", "d"], 3, true],
    ],
  );
  assertEquals(responseTimes.map(({ name }) => name), ["a"]);
});

Deno.test("analyse() puts SCHED_DEADLINE before all fixed priorities", () => {
  const tasks: Task[] = [
    task("a", 10, 100, 99),
    { ...task("d", 1, 1, 0), policy: { kind: "deadline", runtimeNs: 30, periodNs: 50 } },
  ];
  assertEquals(analyse(tasks, ONE).responseTimes[0]!.steps, [10, 40]);
});

/** Plays out the worst moment: all are due at once. @returns when the last of `name` has ended */
function playedResponse(tasks: readonly Task[], name: string): number {
  const left = tasks.map(({ budgetNs }) => budgetNs);
  const priority = (task: Task) => task.policy.kind === "fixed" ? task.policy.priority : 0;
  for (let now = 0; now < 100_000; now++) {
    if (now > 0) {
      tasks.forEach((task, at) => {
        if (now % task.periodNs === 0 && task.name !== name) left[at]! += task.budgetNs;
      });
    }
    const ready = tasks.map((task, at) => ({ task, at })).filter(({ at }) => left[at]! > 0)
      .sort((a, b) => priority(b.task) - priority(a.task) || (a.task.name === name ? 1 : -1));
    const runs = ready[0];
    if (runs === undefined) continue;
    left[runs.at]!--;
    if (runs.task.name === name && left[runs.at] === 0) return now + 1;
  }
  return Infinity;
}

Deno.test("analyse() finds what a schedule shows that is played out, for 500 random crews", () => {
  for (let seed = 1; seed <= 500; seed++) {
    const random = new Random(seed);
    const tasks = Array.from({ length: random.integer(1, 5) }, (_, at) => {
      const periodNs = random.integer(5, 60);
      return task(
        `t${at}`,
        random.integer(1, Math.ceil(periodNs / 3)),
        periodNs,
        random.integer(1, 3),
      );
    });
    for (const { name, responseNs, limitNs } of analyse(tasks, ONE).responseTimes) {
      const played = playedResponse(tasks, name);
      if (responseNs === null) assert(played > limitNs, `seed ${seed}, ${name}: ${played}`);
      else assertEquals(responseNs, played, `seed ${seed}, ${name}`);
    }
  }
});
