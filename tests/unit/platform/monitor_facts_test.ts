/** What the runtime and the kernel do that the monitor's thread rests on. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { currentThread, setThreadSlice } from "../../../src/os/thread_scheduling.ts";

Deno.test("platform: what a Worker imports takes a read permission, which the program's own imports do not", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${folder}/part.ts`, "export const part = 1;\n");
    await Deno.writeTextFile(
      `${folder}/worker.ts`,
      'import { part } from "./part.ts";\npostMessage(part);\n',
    );
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      'import "./part.ts";\n' +
        'const worker = new Worker(import.meta.resolve("./worker.ts"), { type: "module" });\n' +
        "worker.onmessage = ({ data }) => { console.log(data); Deno.exit(0); };\n",
    );
    const run = (...flags: string[]) =>
      new Deno.Command(Deno.execPath(), {
        args: ["run", "--no-prompt", "--no-config", ...flags, `${folder}/main.ts`],
        env: { NO_COLOR: "1" },
      }).output();
    const refused = await run();
    assertEquals(refused.success, false);
    assertStringIncludes(new TextDecoder().decode(refused.stderr), "Requires read access");
    const half = await run(`--allow-read=${folder}/worker.ts`);
    assertStringIncludes(
      new TextDecoder().decode(half.stderr),
      `read access to "${folder}/part.ts"`,
    );
    const granted = await run(`--allow-read=${folder}`);
    assertEquals(new TextDecoder().decode(granted.stdout), "1\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("platform: a message leaves a Worker that never comes back to its event loop", async () => {
  const code =
    "postMessage('sent'); for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);";
  const url = URL.createObjectURL(new Blob([code], { type: "application/javascript" }));
  const worker = new Worker(url, { type: "module" });
  const { promise, resolve } = Promise.withResolvers<unknown>();
  worker.onmessage = ({ data }) => resolve(data);
  assertEquals(await promise, "sent");
  worker.terminate();
  URL.revokeObjectURL(url);
});

Deno.test("platform: a thread may ask for short slices of CPU time", () => {
  // Its own policy with another slice; an older kernel takes it and ignores it.
  setThreadSlice(currentThread(), 100_000);
  setThreadSlice(currentThread(), 3_000_000);
});
