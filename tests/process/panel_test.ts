/** The panel of the default pipeline: answered while it is restarted and killed. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { connectControl } from "../../src/control/client.ts";
import { allRun, startVitals } from "./support/vitals.ts";

async function get(path: string, target: string): Promise<string> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode(`GET ${target} HTTP/1.0\r\n\r\n`));
  let text = "";
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(4096);
  for (;;) {
    const count = await connection.read(buffer);
    if (count === null) return text;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

Deno.test("supervisor.config.ts: the panel answers page and JSON while it is restarted in a loop", async () => {
  await using crew = await startVitals();
  const path = `${crew.projectDir}/run/panel.sock`;
  await allRun(crew);
  using control = await connectControl(`${crew.runDir}/control.sock`);
  for (let round = 0; round < 10; round++) {
    // Some of these are answered by the instance that goes, the others wait for the one that comes.
    const pages = Array.from({ length: 5 }, () => get(path, "/"));
    await control.call("restart", { name: "panel" });
    for (const page of await Promise.all(pages)) assertStringIncludes(page, "<h1>vitals</h1>");
  }
  let answer = await get(path, "/vitals.json");
  while (answer.includes(" 503 ")) answer = await get(path, "/vitals.json");
  const body = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n")));
  assertEquals(typeof body.cpu, "number");
  assertStringIncludes(await get(path, "/nothing"), " 404 ");
  // Out of the mailbox, past the detector.
  let page = await get(path, "/");
  while (!page.includes("at receipt")) page = await get(path, "/");
  assertMatch(page, /sample \d+, \d+\.\d\d ms old at receipt/);
  const { starts } = await crew.process("panel");
  assertEquals(starts, 11);
});
