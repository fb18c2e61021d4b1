import { assertEquals, assertStringIncludes } from "@std/assert";
import type { Plan } from "../../../src/plan/plan.ts";
import { commandProcess, compiled, crew, machine, onlyError, refused } from "./fixtures.ts";

/** Members by name, groups in brackets. */
function members(plan: Plan): Record<string, string[]> {
  return Object.fromEntries(plan.groups.map((group) => [
    group.name,
    group.members.map((member) =>
      member.kind === "group"
        ? `[${plan.groups[member.group]!.name}]`
        : plan.processes[member.process]!.name
    ),
  ]));
}

Deno.test("compile() gives the root everything that no group lists, @log first", () => {
  const plan = compiled(
    crew({ b: commandProcess({ after: { a: "ready" } }), a: commandProcess() }),
  );
  assertEquals(members(plan), { "": ["@log", "a", "b"] });
  assertEquals(plan.groups[0], {
    name: "",
    parent: null,
    strategy: "one_for_one",
    intensity: null,
    periodNs: 10_000_000_000,
    members: plan.groups[0]!.members,
  });
});

Deno.test("compile() bounds the root only if the configuration says so", () => {
  const config = crew({ a: commandProcess() }, { intensity: 3, period: "1m" });
  assertEquals(compiled(config).groups[0]!.intensity, 3);
  assertEquals(compiled(config).groups[0]!.periodNs, 60_000_000_000);
});

Deno.test("compile() nests groups, parents before children, members as listed", () => {
  const plan = compiled(crew(
    {
      a: commandProcess(),
      b: commandProcess({ replicas: 2 }),
      c: commandProcess(),
      d: commandProcess(),
      e: commandProcess(),
    },
    {
      groups: {
        inner: { members: ["e", "b"], strategy: "one_for_all" },
        outer: { members: ["d", "inner", "c"], intensity: 0, period: "1s" },
      },
    },
  ));
  assertEquals(plan.groups.map((group) => group.name), ["", "outer", "inner"]);
  assertEquals(plan.groups.map((group) => group.parent), [null, 0, 1]);
  assertEquals(members(plan), {
    "": ["@log", "a", "[outer]"],
    outer: ["d", "[inner]", "c"],
    inner: ["e", "b-1", "b-2"],
  });
  assertEquals(plan.groups[1]!.intensity, 0);
  assertEquals(plan.groups[1]!.periodNs, 1_000_000_000);
  assertEquals(plan.groups[2], {
    name: "inner",
    parent: 1,
    strategy: "one_for_all",
    intensity: 5,
    periodNs: 10_000_000_000,
    members: plan.groups[2]!.members,
  });
  assertEquals(
    plan.processes.map((process) => plan.groups[process.group]!.name),
    ["", "", "inner", "inner", "outer", "outer", "inner"],
  );
});

Deno.test("compile() orders the root's members by the start of their earliest process", () => {
  const plan = compiled(crew(
    {
      late: commandProcess({ after: { early: "ready" } }),
      x: commandProcess(),
      early: commandProcess(),
    },
    { groups: { g: { members: ["late"] }, h: { members: ["early"] } } },
  ));
  assertEquals(members(plan)[""], ["@log", "x", "[h]", "[g]"]);
});

Deno.test("compile() drops what the profiles leave out of a group, and empty groups", () => {
  const config = crew(
    {
      a: commandProcess(),
      b: commandProcess({ profiles: ["p"] }),
      c: commandProcess({ profiles: ["p"] }),
    },
    { groups: { g: { members: ["a", "b"] }, h: { members: ["c"] }, i: { members: ["h"] } } },
  );
  assertEquals(members(compiled(config)), { "": ["@log", "[g]"], g: ["a"] });
  assertEquals(members(compiled(config, machine({ profiles: ["p"] }))), {
    "": ["@log", "[g]", "[i]"],
    g: ["a", "b"],
    i: ["[h]"],
    h: ["c"],
  });
});

Deno.test("compile() refuses unknown members and membership in two groups", () => {
  const processes = { a: commandProcess() };
  const unknown = onlyError(crew(processes, { groups: { g: { members: ["a", "z"] } } }));
  assertEquals(unknown.path, ["groups", "g", "members", 1]);
  const double = onlyError(crew(processes, {
    groups: { g: { members: ["a"] }, h: { members: ["a"] } },
  }));
  assertEquals(double.path, ["groups", "h", "members", 0]);
  assertStringIncludes(double.message, '"g"');
});

Deno.test("compile() refuses groups that contain each other, once a circle", () => {
  const issues = refused(crew({ a: commandProcess() }, {
    groups: {
      g: { members: ["h", "a"] },
      h: { members: ["i"] },
      i: { members: ["g"] },
      self: { members: ["self"] },
    },
  }));
  assertEquals(issues.length, 2);
  assertStringIncludes(issues[0]!.message, "circle");
  assertStringIncludes(issues[1]!.message, "self -> self");
});

Deno.test("compile() compiles a thousand groups inside each other", () => {
  const groups = Object.fromEntries(
    Array.from({ length: 1000 }, (_, at) => [
      `g${at}`,
      { members: [at === 999 ? "a" : `g${at + 1}`] },
    ]),
  );
  const plan = compiled(crew({ a: commandProcess() }, { groups }));
  assertEquals(plan.groups.length, 1001);
  assertEquals(plan.processes[1]!.group, 1000);
  assertEquals(plan.groups.slice(1).every((group, at) => group.parent === at), true);
});
