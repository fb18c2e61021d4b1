import { assert, assertEquals } from "@std/assert";
import { cleanCodeRanges, ownCodeRanges, releaseCode } from "../../../src/os/code_pages.ts";

function mapping(range: string, permissions: string, inode: number, anonymousKib: number): string {
  return `${range} ${permissions} 00001000 fe:00 ${inode}            /a path/with spaces\n` +
    `Size:                  4 kB\nRss:                   4 kB\n` +
    `Anonymous:           ${anonymousKib} kB\nVmFlags: rd ex mr mw me sd\n`;
}

Deno.test("cleanCodeRanges() finds code of files, and only what no page of ours is in", () => {
  const smaps = mapping("1000-3000", "r-xp", 7, 0) +
    mapping("3000-4000", "r-xp", 7, 4) +
    mapping("4000-5000", "r--p", 7, 0) +
    mapping("5000-6000", "rw-p", 7, 0) +
    mapping("6000-7000", "rwxp", 7, 0) +
    mapping("7000-8000", "r-xp", 0, 0) +
    mapping("7f1c1bdc0000-7f1c1bfe6000", "r-xp", 123456, 0);
  assertEquals(cleanCodeRanges(smaps), [
    { address: 0x1000n, sizeBytes: 0x2000n },
    { address: 0x7f1c1bdc0000n, sizeBytes: 0x226000n },
  ]);
});

function residentCodeKib(): number {
  const mappings = Deno.readTextFileSync("/proc/self/smaps").matchAll(
    /^\S+ r-xp \S+ \S+ [1-9]\d* .*\n(?:[A-Z]\w+:.*\n)*?Rss: +(\d+) kB$/gm,
  );
  return [...mappings].reduce((sum, [, kib]) => sum + Number(kib), 0);
}

Deno.test("releaseCode() lets go of most of the code, and what is needed comes back", () => {
  const ranges = ownCodeRanges();
  assert(ranges.length > 0);
  const before = residentCodeKib();
  releaseCode(ranges);
  const after = residentCodeKib();
  assert(after < before / 2, `${before} KiB before, ${after} KiB after`);
  // Something that was not run in between.
  assertEquals(new Intl.NumberFormat("en").format(1234567), "1,234,567");
  assertEquals(structuredClone(new Map([[1, "one"]])).get(1), "one");
});
