import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  createCrewCgroup,
  isCrewCgroup,
  isPopulated,
  killCgroup,
  placeOf,
  removeCgroup,
} from "../../../src/process/crew_cgroup.ts";
import { ended, mustSpawn, shellRequest, until } from "../../process/support/harness.ts";

const V1 = "31 23 0:27 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n";

Deno.test("placeOf() finds the pure and the hybrid hierarchy", () => {
  const pure = "31 23 0:27 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
  assertEquals(placeOf(pure, "0::/user.slice/a b\n"), {
    kind: "v2",
    ownDir: "/sys/fs/cgroup/user.slice/a b",
  });
  const hybrid = V1 + "40 23 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
  assertEquals(placeOf(hybrid, "1:cpu:/x\n0::/\n"), {
    kind: "v2",
    ownDir: "/sys/fs/cgroup/unified",
  });
});

Deno.test("placeOf() heeds a mount of a part of the hierarchy, and its escapes", () => {
  const part = "31 23 0:27 /docker/abc /mnt/c\\040g ro - cgroup2 cgroup2 rw\n";
  assertEquals(placeOf(part, "0::/docker/abc/in\n"), { kind: "v2", ownDir: "/mnt/c g/in" });
  assertEquals(placeOf(part, "0::/docker/abc\n"), { kind: "v2", ownDir: "/mnt/c g" });
  assertEquals(placeOf(part, "0::/docker/abcdef\n").kind, "none");
  assertEquals(placeOf(part, "0::/../elsewhere\n").kind, "none");
});

Deno.test("placeOf() says why there is none", () => {
  assertEquals(placeOf(V1, "1:cpu:/\n"), { kind: "none", why: "the kernel has no cgroup v2" });
  assertEquals(placeOf(V1, "0::/\n"), {
    kind: "none",
    why: "no cgroup v2 hierarchy is mounted here",
  });
});

Deno.test("createCrewCgroup() makes a tree that kills and is removed whole", async () => {
  const made = createCrewCgroup("a/b", Deno.pid);
  if (made.kind === "unavailable") return console.warn(`Skipped, no cgroup: ${made.why}`);
  const { dir } = made;
  assert(isCrewCgroup(dir) && !isPopulated(dir));
  const second = createCrewCgroup("a/b", Deno.pid);
  assert(second.kind === "made" && second.dir !== dir);
  assertEquals(removeCgroup(second.dir), null);
  const child = mustSpawn(shellRequest("setsid sleep 30 & exec sleep 30"));
  Deno.writeTextFileSync(`${dir}/supervisor/cgroup.procs`, String(child.pid));
  assert(isPopulated(dir));
  assertEquals(removeCgroup(dir), "EBUSY");
  assertEquals(killCgroup(dir), null);
  await ended(child);
  await until("it to be empty", () => !isPopulated(dir));
  assertEquals(removeCgroup(dir), null);
  assertThrows(() => Deno.statSync(dir), Deno.errors.NotFound);
  assertEquals(removeCgroup(dir), null);
  assertEquals(killCgroup(dir), "ENOENT");
});
