import { assert, assertEquals, assertThrows } from "@std/assert";
import { giveMemoryBack } from "../../../src/os/memory.ts";

const MODULE = new URL("../../../src/os/memory.ts", import.meta.url).href;
const MIB = 2 ** 20;

/** Makes garbage of 64 MiB out of small objects, and says how much memory is its own. */
const PROGRAM = `
import { giveMemoryBack } from ${JSON.stringify(MODULE)};
const ownBytes = () => {
  const text = Deno.readTextFileSync("/proc/self/smaps_rollup");
  return Number(/^Private_Dirty:\\s+(\\d+) kB/m.exec(text)[1]) * 1024;
};
const before = ownBytes();
let kept = Array.from({ length: 1_000_000 }, (_, index) => ({ index, text: String(index) }));
const full = ownBytes();
kept = null;
giveMemoryBack({ code: true });
console.log(JSON.stringify({ before, full, after: ownBytes() }));
`;

Deno.test("giveMemoryBack() returns what is not in use to the kernel", async () => {
  const { code, stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-config",
      "--allow-all",
      "--v8-flags=--expose-gc",
      `data:text/javascript,${encodeURIComponent(PROGRAM)}`,
    ],
    stderr: "inherit",
  }).output();
  assertEquals(code, 0);
  const { before, full, after } = JSON.parse(new TextDecoder().decode(stdout));
  assert(full - before > 32 * MIB, `only ${(full - before) / MIB} MiB were in use`);
  assert(after - before < 8 * MIB, `${(after - before) / MIB} MiB are left`);
});

Deno.test("giveMemoryBack() says which flag the runtime lacks", () => {
  assertThrows(() => giveMemoryBack({ code: true }), Error, "--expose-gc");
});
