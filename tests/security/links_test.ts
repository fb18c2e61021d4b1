/**
 * platform: what the runtime's sandbox does not hold, and docs/security.md says so. When one of
 * these fails, the runtime has mended it: the warning of `cox check` can go.
 */
import { assertEquals } from "@std/assert";
import { denoRunCommand } from "../../src/plan/deno_command.ts";

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
    tries.push(new TextDecoder().decode(stdout).trim());
  }
  await Deno.remove(folder, { recursive: true });
  assertEquals(tries[0], "a secret");
  assertEquals(tries.slice(1).includes("a secret"), false);
});
