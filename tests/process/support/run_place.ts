/** Where `cox run` is tried out as a user does: a folder, a shell, and what they print. */
import { coxCommand } from "../../support/crew.ts";

/** A folder with files, and a `cox` for the shell. */
export function makePlace(files: Readonly<Record<string, string>>) {
  const path = Deno.makeTempDirSync({ prefix: "cox-test-" });
  for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${path}/${name}`, text);
  const words = coxCommand([]).map((word) => `'${word}'`).join(" ");
  Deno.mkdirSync(`${path}/bin`);
  Deno.writeTextFileSync(`${path}/bin/cox`, `#!/bin/sh\nexec ${words} "$@"\n`);
  Deno.chmodSync(`${path}/bin/cox`, 0o755);
  // The runtime that runs this test is the one that the shell finds.
  const deno = Deno.execPath().slice(0, Deno.execPath().lastIndexOf("/"));
  const env = { PATH: `${path}/bin:${deno}:/usr/bin:/bin`, NO_COLOR: "1" };
  return {
    path,
    start: (line: string) =>
      new Deno.Command("/bin/sh", {
        args: ["-c", line],
        cwd: path,
        env,
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn(),
    async run(line: string, input = "") {
      const child = this.start(line);
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(input)).catch(() => {});
      await writer.close().catch(() => {});
      const { code, stdout, stderr } = await child.output();
      return {
        code,
        out: new TextDecoder().decode(stdout),
        err: new TextDecoder().decode(stderr),
      };
    },
    [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }),
  };
}
