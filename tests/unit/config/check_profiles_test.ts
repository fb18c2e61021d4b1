import { assertEquals } from "@std/assert";
import { checkProfiles } from "../../../src/config/check.ts";
import { isActive } from "../../../src/config/check_profiles.ts";
import type { Config } from "../../../src/config/config.ts";
import { linesOf, RUN } from "./samples.ts";

const config = {
  name: "crew",
  processes: {
    base: { run: RUN },
    web: { run: RUN, profiles: ["web"], after: { base: "started" } },
    proxy: { run: RUN, profiles: ["web", "proxy"], after: { web: "ready" } },
    probe: { run: RUN, profiles: ["debug"] },
    empty: { run: RUN, profiles: [] },
  },
  groups: { g: { members: ["base", "probe"] } },
  channels: {
    lines: { kind: "pipe", from: "web.stdout", to: "proxy.stdin" },
    trace: { kind: "pipe", from: "base.stdout", to: "empty.stdin" },
  },
} as unknown as Config;

const check = (active: string[], each = config) => linesOf({ issues: checkProfiles(each, active) });

Deno.test("isActive() is true without profiles and when one of them is active", () => {
  assertEquals(isActive(config.processes["base"]!, []), true);
  assertEquals(isActive(config.processes["empty"]!, []), true);
  assertEquals(isActive(config.processes["proxy"]!, ["web"]), true);
  assertEquals(isActive(config.processes["proxy"]!, []), false);
  assertEquals(isActive(config.processes["proxy"]!, ["debug"]), false);
});

Deno.test("checkProfiles() leaves out members of groups and whole channels without a word", () => {
  assertEquals(check([]), []);
  assertEquals(check(["web"]), []);
  assertEquals(check(["web", "debug"]), []);
});

Deno.test("checkProfiles() refuses what waits for, or is wired to, something left out", () => {
  assertEquals(check(["proxy"]), [
    'processes.proxy.after.web | "proxy" waits for "web", which no active profile includes | ' +
    'activate "web" with --profile, or give both the same profiles',
    'channels.lines.from | "web" is left out by the active profiles, and the other end of "lines" is not | ' +
    'activate "web" with --profile, or give both the same profiles',
  ]);
});

Deno.test("checkProfiles() refuses a profile that no process has", () => {
  assertEquals(check(["debgu"]), [
    'processes | no process has profile "debgu" | did you mean "debug"?',
  ]);
});

Deno.test("checkProfiles() refuses to run nothing", () => {
  const optional = { ...config, processes: { a: config.processes["probe"]! }, channels: {} };
  assertEquals(check([], optional), [
    'processes | no process runs: each has profiles, and none is active | one of "debug"',
  ]);
});
