import { assertEquals } from "@std/assert";
import { denoRunCommand } from "../../../src/plan/deno_command.ts";
import { type LinksDescription, preloadSource } from "../../../src/plan/preload.ts";

const DESCRIPTION: LinksDescription = {
  process: 'we"ird\\name\u2028%41`${1}',
  notifyFd: 3,
  gateFd: 9,
  links: [{
    name: "__proto__",
    port: "stdin",
    kind: "pipe",
    direction: "read",
    fd: 0,
    limits: { capacityBytes: 4096 },
  }],
  memory: null,
};

/** Runs `source` as a supervised program without permissions. */
async function run(source: string): Promise<unknown> {
  const [denoPath, ...args] = denoRunCommand({
    denoPath: Deno.execPath(),
    importMap: null,
    lockPath: null,
    preload: preloadSource(DESCRIPTION),
    permissionFlags: [],
    program: `data:text/javascript,${encodeURIComponent(source)}`,
    args: [],
  });
  const { stdout, stderr } = await new Deno.Command(denoPath!, { args }).output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout);
  if (text === "") throw new Error(decoder.decode(stderr));
  return JSON.parse(text);
}

Deno.test("preloadSource() is one data: URL without imports and without raw characters", () => {
  const url = preloadSource(DESCRIPTION);
  assertEquals(/^data:text\/javascript,[A-Za-z0-9%().!~*'_-]+$/.test(url), true, url);
  assertEquals(decodeURIComponent(url).includes("import"), false);
});

Deno.test("preloadSource() tells a program without permissions its links", async () => {
  const seen = await run(
    "console.log(JSON.stringify(globalThis[Symbol.for('coxswain.links')]))",
  );
  assertEquals(seen, { version: 1, ...DESCRIPTION });
});

Deno.test("preloadSource() gives what the program can neither change nor replace", async () => {
  const seen = await run(`
    const key = Symbol.for("coxswain.links");
    const links = globalThis[key];
    const attempts = [
      () => { globalThis[key] = 1; },
      () => { delete globalThis[key]; },
      () => { Object.defineProperty(globalThis, key, { value: 1 }); },
      () => { links.notifyFd = 9; },
      () => { links.links.push(1); },
      () => { links.links[0].fd = 9; },
    ];
    const refused = attempts.map((attempt) => {
      try { attempt(); return false; } catch (error) { return error instanceof TypeError; }
    });
    console.log(JSON.stringify({ refused, same: globalThis[key] === links }));
  `);
  assertEquals(seen, { refused: Array(6).fill(true), same: true });
});
