/**
 * Sends 64 bytes and waits until they are back, over two links in turn: `ours`, by
 * `coxswain/child`, and `bare`, by node:net alone. Writes one line of JSON to the file that its
 * first argument names: `{ ours: [microseconds …], bare: [microseconds …] }`.
 */
import net from "node:net";
import { connect, links } from "../../src/child/mod.ts";

const MESSAGE_BYTES = 64;
const WARM_UP = 2000;
const TURNS = 20;
const ROUNDS = 500;

const message = new Uint8Array(MESSAGE_BYTES).fill(7);
const ours = oursTrip();
const bare = bareTrip();
for (let round = 0; round < WARM_UP; round++) {
  await ours();
  await bare();
}
const times: { ours: number[]; bare: number[] } = { ours: [], bare: [] };
for (let turn = 0; turn < TURNS; turn++) {
  const sides = [["ours", ours], ["bare", bare]] as const;
  for (const [side, trip] of turn % 2 === 0 ? sides : sides.toReversed()) {
    for (let round = 0; round < ROUNDS; round++) {
      const from = performance.now();
      await trip();
      times[side].push((performance.now() - from) * 1000);
    }
  }
}
Deno.writeTextFileSync(Deno.args[0]!, JSON.stringify(times));
Deno.exit(0);

function oursTrip(): () => Promise<void> {
  const link = connect("ours", { as: "frames" });
  const answers = link.receive();
  return async () => {
    link.send(message);
    const { value } = await answers.next();
    if (value?.length !== MESSAGE_BYTES) throw new Error("The answer is not what was sent");
  };
}

function bareTrip(): () => Promise<void> {
  const { fd } = links().find(({ port }) => port === "bare")!;
  const socket = new net.Socket({ fd, readable: true, writable: true });
  let missing = 0;
  let done = () => {};
  socket.on("data", (chunk: Uint8Array) => {
    missing -= chunk.length;
    if (missing === 0) done();
  });
  return () =>
    new Promise<void>((resolve) => {
      missing = MESSAGE_BYTES;
      done = resolve;
      socket.write(message);
    });
}
