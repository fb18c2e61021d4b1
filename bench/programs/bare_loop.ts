/**
 * The baseline for restarts: `bare_loop.ts COUNT PROGRAM [ARG…]` keeps COUNT copies of a
 * program running with nothing but `Deno.Command`, and ends them and itself at SIGTERM.
 */
const [count, program, ...args] = Deno.args;
if (count === undefined || program === undefined) throw new TypeError("COUNT PROGRAM [ARG…]");

const children = new Set<Deno.ChildProcess>();

Deno.addSignalListener("SIGTERM", () => {
  for (const child of children) child.kill("SIGKILL");
  Deno.exit(0);
});

async function keepRunning(path: string): Promise<never> {
  for (;;) {
    const child = new Deno.Command(path, { args, stdin: "null", stdout: "null" }).spawn();
    children.add(child);
    await child.status;
    children.delete(child);
  }
}

await Promise.all(Array.from({ length: Number(count) }, () => keepRunning(program)));
