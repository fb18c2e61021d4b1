import { assert, assertEquals } from "@std/assert";
import { cleanCodeRanges, ownCodeRanges, releaseCode } from "../../../src/os/code_pages.ts";

function mapping(
  range: string,
  permissions: string,
  inode: number,
  anonymousKib: number,
  flags = "rd ex mr mw me sd",
): string {
  return `${range} ${permissions} 00001000 fe:00 ${inode}            /a path/with spaces\n` +
    `Size:                  4 kB\nRss:                   4 kB\n` +
    `Anonymous:           ${anonymousKib} kB\nVmFlags: ${flags}\n`;
}

Deno.test("cleanCodeRanges() finds code of files, and only what no page of ours is in", () => {
  const smaps = mapping("1000-3000", "r-xp", 7, 0) +
    mapping("3000-4000", "r-xp", 7, 4) +
    mapping("4000-5000", "r--p", 7, 0) +
    mapping("5000-6000", "rw-p", 7, 0) +
    mapping("6000-7000", "rwxp", 7, 0) +
    mapping("7000-8000", "r-xp", 0, 0) +
    mapping("8000-9000", "r-xp", 7, 0, "rd ex mr mw me lo sd") +
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

/** Runs in a Deno of its own: what is locked stays so until its end. */
async function inDeno(script: string): Promise<{ readonly code: number; readonly text: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--expose-gc", script],
    env: { NO_COLOR: "1" },
  }).output();
  return { code, text: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

const modulePath = new URL("../../../src/os/code_pages.ts", import.meta.url).href;
/** Memory is taken, given back, and another thread comes and goes. */
const CHURN = `
for (let round = 0; round < 20; round++) {
  let kept = [];
  for (let each = 0; each < 100000; each++) kept.push({ each, text: "x" + each });
  kept = [];
  globalThis.gc();
}
const worker = new Worker("data:text/javascript,postMessage(1)", { type: "module" });
await new Promise((resolve) => worker.onmessage = resolve);
worker.terminate();
`;
const locked = 'Deno.readTextFileSync("/proc/self/status").match(/VmLck:\\s+(\\d+)/)[1]';

Deno.test("lockCode() keeps the code of a runtime that goes on giving memory back", async () => {
  const { code, text } = await inDeno(`
    import { lockCode, ownCodeRanges, releaseCode } from ${JSON.stringify(modulePath)};
    const bytes = lockCode(ownCodeRanges());
    const kib = Number(${locked});
    releaseCode(ownCodeRanges());
    ${CHURN}
    console.log(bytes > 1e6 && kib === bytes / 1024 && kib === Number(${locked}), "alive");
  `);
  assertEquals([code, text.trim()], [0, "true alive"]);
});

Deno.test("platform: mlockall ends the runtime when it gives memory back, on fault or not", async () => {
  for (const flags of [7, 6]) {
    const { code, text } = await inDeno(`
      const { symbols } = Deno.dlopen("libc.so.6", {
        mlockall: { parameters: ["i32"], result: "i32" },
      });
      if (symbols.mlockall(${flags}) !== 0) console.log("refused");
      ${CHURN}
    `);
    // Without the right there is nothing to see: the fact is then held elsewhere.
    if (text.includes("refused")) continue;
    assert(code !== 0 && text.includes("Check failed: 0 == ret"), `${code}: ${text}`);
  }
});

Deno.test("platform: exec undoes mlockall", async () => {
  const { text } = await inDeno(`
    const { symbols } = Deno.dlopen("libc.so.6", {
      mlockall: { parameters: ["i32"], result: "i32" },
      execv: { parameters: ["buffer", "buffer"], result: "i32" },
    });
    if (symbols.mlockall(7) !== 0) console.log("refused");
    else if (Number(${locked}) < 1000) console.log("not locked");
    const words = ["/bin/grep", "VmLck", "/proc/self/status"].map((word) =>
      new TextEncoder().encode(word + "\\0")
    );
    const list = words.map((word) => Deno.UnsafePointer.value(Deno.UnsafePointer.of(word)));
    symbols.execv(words[0], new BigUint64Array([...list, 0n]));
  `);
  if (text.includes("refused")) return;
  assertEquals(text.trim().replace(/\s+/g, " "), "VmLck: 0 kB");
});
