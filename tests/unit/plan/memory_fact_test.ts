import { assert, assertEquals } from "@std/assert";
import { readSmallFile } from "../../../src/os/file.ts";
import {
  cgroupFacts,
  fileLimit,
  hugeBytes,
  machineFact,
  memoryFact,
} from "../../../src/plan/probe/memory_fact.ts";

Deno.test("memoryFact() finds no more than the machine has", () => {
  const { bytes, what } = memoryFact(readSmallFile);
  assert(bytes > 2 ** 20 && bytes <= 2 ** 50, `${bytes}`);
  assert(what !== "");
});

Deno.test("fileLimit() reads the soft limit of files, which counts for memory", () => {
  const line = (soft: string) =>
    `Max cpu time  1  2 seconds\nMax file size   ${soft}   unlimited  bytes\n`;
  assertEquals(fileLimit(line("4096")), 4096);
  assertEquals(fileLimit(line("unlimited")), Number.MAX_SAFE_INTEGER);
});

Deno.test("hugeBytes() counts free huge pages of 2 MiB alone", () => {
  assertEquals(hugeBytes("HugePages_Free:        3\nHugepagesize:       2048 kB\n"), 3 * 2 ** 21);
  assertEquals(hugeBytes("HugePages_Free:        3\nHugepagesize:    1048576 kB\n"), 0);
  assertEquals(hugeBytes("MemFree: 9 kB\n"), 0);
});

Deno.test("machineFact() reads MemAvailable, and nothing else", () => {
  assertEquals(machineFact("MemFree: 9 kB\nMemAvailable:    3072 kB\n"), [
    { bytes: 3_145_728, what: "this machine" },
  ]);
  assertEquals(machineFact("MemFree: 9 kB\n"), []);
});

Deno.test("cgroupFacts() reads every group above, unified and not, without what files keep", () => {
  const files: Record<string, string> = {
    "/sys/fs/cgroup/a/b/memory.max": "max\n",
    "/sys/fs/cgroup/a/memory.max": "1000\n",
    "/sys/fs/cgroup/a/memory.current": "400\n",
    "/sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 100\n",
    "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "500\n",
    "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "600\n",
    "/sys/fs/cgroup/memory/x/memory.stat": "total_inactive_file 50\n",
  };
  const read = (path: string) => files[path] ?? null;
  assertEquals(cgroupFacts("0::/a/b\n3:cpu:/z\n5:memory:/x\n", read), [
    { bytes: 700, what: "the control group /a" },
    { bytes: 0, what: "the control group /x" },
  ]);
  // As a container sees it: the path is the machine's, the folder its own.
  const inside: Record<string, string> = {
    "/sys/fs/cgroup/memory.max": "800\n",
    "/sys/fs/cgroup/memory.current": "500\n",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes": "900\n",
  };
  assertEquals(cgroupFacts("0::/../x\n5:memory:/docker/y\n", (path) => inside[path] ?? null), [
    { bytes: 300, what: "the control group /" },
    { bytes: 900, what: "the control group /" },
  ]);
  const unlimited = { "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "9223372036854771712" };
  assertEquals(
    cgroupFacts("5:memory:/x\n", (path) => (unlimited as Record<string, string>)[path] ?? null),
    [],
  );
});
