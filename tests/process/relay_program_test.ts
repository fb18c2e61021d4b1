/** `@relay` by itself, with real pipes: see `support/relay_rig.ts`. */
import { assert, assertEquals } from "@std/assert";
import { queuePlan, relayChannel, RelayRig } from "./support/relay_rig.ts";

const numbers = (from: number, to: number, of = "") =>
  Array.from({ length: to - from }, (_, index) => `${of}${from + index}\n`).join("");

Deno.test("@relay passes lines on whole and in order, and the end after them", async () => {
  await using rig = RelayRig.start(relayChannel(1, [queuePlan()]));
  const writer = rig.input(0);
  const reader = rig.output(1);
  const text = numbers(0, 20_000);
  const reading = reader.readToEnd();
  await writer.writeAll(text);
  writer.close();
  rig.say({ kind: "inputEnded", slot: 0 });
  await rig.report("inputDone");
  await rig.report("outputFinished");
  assertEquals(await reading, text);
  const producer = rig.leg(0);
  assertEquals([producer.messages, producer.bytes], [20_000, text.length]);
  assertEquals(producer.queuedMessages, 0);
  assertEquals(rig.leg(1).messages, 20_000);
  assertEquals(rig.leg(1).bytes, text.length);
  assert(rig.leg(1).peakMessages > 0);
  reader.close();
});
