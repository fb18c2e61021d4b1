/** `stopSignal()` in programs of their own: it takes over signals of the whole process. */
import { assertEquals } from "@std/assert";

const MOD = new URL("../../../src/child/mod.ts", import.meta.url).href;

function start(body: string): Deno.ChildProcess {
  const program = `import { stopSignal } from ${JSON.stringify(MOD)};\n${body}`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-config",
      `data:text/javascript,${encodeURIComponent(program)}`,
    ],
    stdout: "piped",
  }).spawn();
}

for (const name of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`stopSignal() aborts at ${name}, with its name as the reason`, async () => {
    await using child = start(`
      const stop = stopSignal();
      const alive = setInterval(() => {}, 1000);
      stop.addEventListener("abort", () => {
        console.log(stop.reason, stop === stopSignal());
        clearInterval(alive);
      });
      console.log("listening");
    `);
    let text = "";
    for await (const piece of child.stdout.pipeThrough(new TextDecoderStream())) {
      text += piece;
      if (text === "listening\n") child.kill(name);
    }
    assertEquals(text, `listening\n${name} true\n`);
    assertEquals((await child.status).code, 0);
  });
}

Deno.test("stopSignal() does not keep a finished program alive", async () => {
  await using child = start(`console.log(stopSignal().aborted);`);
  assertEquals(await new Response(child.stdout).text(), "false\n");
  assertEquals((await child.status).code, 0);
});
