import { assertEquals } from "@std/assert";
import { knownNames, resolveName, resolveNames } from "../../../src/driver/names.ts";
import { planOf, processPlan } from "./fixtures.ts";

const plan = planOf([
  processPlan("db"),
  processPlan("web-1", { declaredName: "web" }),
  processPlan("web-2", { declaredName: "web" }),
  processPlan("cron"),
], {
  groups: [
    {
      name: "",
      parent: null,
      strategy: "one_for_one",
      intensity: null,
      periodNs: 1,
      members: [{ kind: "group", group: 1 }, { kind: "process", process: 3 }],
    },
    {
      name: "site",
      parent: 0,
      strategy: "one_for_one",
      intensity: 5,
      periodNs: 1,
      members: [{ kind: "group", group: 2 }, { kind: "process", process: 0 }],
    },
    {
      name: "webs",
      parent: 1,
      strategy: "one_for_one",
      intensity: 5,
      periodNs: 1,
      members: [{ kind: "process", process: 2 }, { kind: "process", process: 1 }],
    },
  ],
});

Deno.test("resolveName() finds a process, all replicas, and a group's nested members in start order", () => {
  assertEquals(resolveName(plan, "db"), [0]);
  assertEquals(resolveName(plan, "web-2"), [2]);
  assertEquals(resolveName(plan, "web"), [1, 2]);
  assertEquals(resolveName(plan, "webs"), [1, 2]);
  assertEquals(resolveName(plan, "site"), [0, 1, 2]);
});

Deno.test("resolveName() knows neither the root group nor a stranger", () => {
  assertEquals(resolveName(plan, ""), null);
  assertEquals(resolveName(plan, "wob"), null);
});

Deno.test("resolveNames() names each process once, in start order", () => {
  assertEquals(resolveNames(plan, ["cron", "web-2", "webs", "cron"]), {
    processes: [1, 2, 3],
    unknown: null,
  });
});

Deno.test("resolveNames() gives nothing but the first stranger when there is one", () => {
  assertEquals(resolveNames(plan, ["db", "wob", "wub"]), { processes: [], unknown: "wob" });
});

Deno.test("knownNames() lists every name once", () => {
  assertEquals(knownNames(plan), ["db", "web-1", "web", "web-2", "cron", "site", "webs"]);
});
