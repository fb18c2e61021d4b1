/**
 * Symbolic links of a program's own making, and those that it finds. The tests named platform: are
 * what the runtime's sandbox does not hold; when one fails, the runtime has mended it: the seal need
 * not hold the first any more, and docs/security.md need not tell of the second.
 */
import { assert, assertEquals } from "@std/assert";
import { denoRunCommand } from "../../src/plan/deno_command.ts";
import { eventually, startCrew } from "../support/crew.ts";

/** Makes a link in the only folder that it may read and write, and reads through it. */
const PROGRAM = `
import { WASI } from "node:wasi";
// (module (memory (export "memory") 1))
const module = new WebAssembly.Module(new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121, 2, 0,
]));
const instance = new WebAssembly.Instance(module);
const [granted, secret] = Deno.args;
try {
  const wasi = new WASI({ version: "preview1", preopens: { "/w": granted } });
  wasi.initialize(instance);
  const memory = new Uint8Array(instance.exports.memory.buffer);
  const put = (at, text) => new TextEncoder().encodeInto(text, memory.subarray(at)).written;
  const length = put(0, secret);
  wasi.wasiImport.path_symlink(0, length, 3, 2048, put(2048, "link"));
  console.log(Deno.readTextFileSync(granted + "/link"));
} catch (error) {
  console.log(error.name);
}`;

Deno.test("platform: node:wasi leads out of a folder that may be read and written, and of no other", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-attack-" });
  const granted = `${folder}/granted`;
  await Deno.mkdir(granted);
  await Deno.writeTextFile(`${folder}/secret`, "a secret");
  await Deno.writeTextFile(`${folder}/attack.js`, PROGRAM);
  const tries: string[] = [];
  for (const kinds of [["read", "write"], ["read"], ["write"], []]) {
    tries.push(await attack(folder, kinds));
  }
  await Deno.remove(folder, { recursive: true });
  assertEquals(tries[0], "a secret");
  assertEquals(tries.slice(1).includes("a secret"), false);
});

/** Makes no link, but moves one that is there, and reads through it. */
const MOVES = `
const [granted] = Deno.args;
try {
  Deno.renameSync(granted + "/below/up", granted + "/up");
  console.log(Deno.readTextFileSync(granted + "/up/secret"));
} catch (error) {
  console.log(error.name);
}`;

Deno.test("platform: a relative link that was left in a folder leads out of it from another depth", async () => {
  const folder = await Deno.makeTempDir({ prefix: "cox-attack-" });
  await Deno.mkdir(`${folder}/granted/below`, { recursive: true });
  await Deno.symlink("..", `${folder}/granted/below/up`);
  await Deno.writeTextFile(`${folder}/secret`, "a secret");
  await Deno.writeTextFile(`${folder}/attack.js`, MOVES);
  const read = await attack(folder, ["read", "write"]);
  await Deno.remove(folder, { recursive: true });
  assertEquals(read, "a secret");
});

/** What the program says in the runtime's sandbox, with grants of these kinds for one folder. */
async function attack(folder: string, kinds: readonly string[]): Promise<string> {
  const granted = `${folder}/granted`;
  const [executable = "", ...args] = denoRunCommand({
    denoPath: Deno.execPath(),
    importMap: null,
    lockPath: null,
    preload: null,
    permissionFlags: kinds.map((kind) => `--allow-${kind}=${granted}`),
    program: `${folder}/attack.js`,
    args: [granted, `${folder}/secret`],
  });
  const { stdout } = await new Deno.Command(executable, { args, stderr: "null" }).output();
  return new TextDecoder().decode(stdout).trim();
}

/** The same from the program and from a Worker, and then what it may do. */
const HELD = `
import { ready } from "coxswain/child";
const work = ${JSON.stringify(`${PROGRAM}`)}.replaceAll("Deno.args", '["./granted", "./secret"]');
const url = "data:text/javascript," + encodeURIComponent(work);
await import(url);
new Worker(url, { type: "module" });
await Deno.writeTextFile("./granted/own", "its own");
await Deno.link("./granted/own", "./granted/other");
await Deno.rename("./granted/other", "./granted/third");
console.log("reads " + await Deno.readTextFile("./granted/third"));
await ready();
setInterval(() => {}, 1000);
`;

Deno.test("a program makes no symbolic link in a folder that it may read and write, and uses it as ever", async () => {
  await using crew = await startCrew(
    `
import { defineConfig, deno } from "coxswain";
export default defineConfig({
  name: "held",
  processes: {
    writer: {
      run: deno("./held.ts", { permissions: { read: ["./granted"], write: ["./granted"] } }),
      ready: { by: "notify", within: "20s" },
      restart: { policy: "temporary" },
    },
  },
});`,
    { files: { "held.ts": HELD, "granted/there": "", "secret": "a secret" } },
  );
  await eventually("it has tried twice", () => crew.output().match(/NotFound/g)?.length === 2);
  await eventually("it goes on", () => crew.output().includes("reads its own"));
  assert(!crew.output().includes("a secret"), crew.output());
  assert(!crew.output().includes("node:wasi"), crew.output());
  const { pid } = (await crew.snapshot()).processes["writer"]!;
  for (const { name } of Deno.readDirSync(`/proc/${pid}/task`)) {
    const status = Deno.readTextFileSync(`/proc/${pid}/task/${name}/status`);
    // Its threads are all under the filter, those that the runtime had before as well.
    assertEquals(/^Seccomp:\s*(\d)$/m.exec(status)?.[1], "2", status);
  }
});
