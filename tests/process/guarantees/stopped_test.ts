/**
 * Consumers that are stopped by a signal for twenty seconds under load: what waits is bounded,
 * nobody else waits who need not, and all goes on where it stood.
 */
import { assert, assertEquals } from "@std/assert";
import { delay } from "@std/async/delay";
import { sendSignal } from "../../../src/os/signals.ts";
import { gccMissing, LoadedCrew, type Stream } from "./load.ts";
import { relayedStream } from "./relayed_streams.ts";

const SIGSTOP = 19;
const SIGCONT = 18;
const STOPPED_MS = 20_000;
const HIGH_WATER = 50;

const direct: Stream = {
  name: "direct",
  framing: "lines",
  max: 4096,
  channel: ([from], [to]) => `pipe({ from: "${from}", to: "${to}" })`,
};
const pair: Stream = {
  name: "pair",
  framing: "packets",
  max: 20_000,
  port: { name: "talk", fd: 4 },
  channel: ([from], [to]) => `socket({ between: ["${from}", "${to}"], type: "seqpacket" })`,
};
const blocked = relayedStream("blocked", "frames", 20_000);
/** The first consumer goes on, the second is stopped. */
const fanOut = relayedStream("fan-out", "lines", 4096, {
  sinks: 2,
  channel: ([from], [first, second]) =>
    `pipe({ from: "${from}", framing: "lines", maxMessage: "4KiB", to: ["${first}", ` +
    `{ port: "${second}", overflow: "drop-oldest", highWater: { messages: ${HIGH_WATER} } }] })`,
});
const STREAMS = [direct, pair, blocked, fanOut];
const VICTIMS = ["to-direct", "to-pair", "to-blocked", "to-fan-out-2"];

Deno.test({
  name:
    "consumers that are stopped for 20 s cost what the configuration says, and miss nothing else",
  ignore: gccMissing !== null,
  async fn() {
    await using loaded = await LoadedCrew.start(STREAMS);
    const { crew } = loaded;
    const relay = (await crew.snapshot()).system["@relay"]!.pid!;
    const pids = await Promise.all(VICTIMS.map(async (name) => (await crew.process(name)).pid!));
    for (const pid of pids) sendSignal(pid, SIGSTOP);
    const endMs = performance.now() + STOPPED_MS;
    const delivered: number[] = [];
    const residentKib: number[] = [];
    while (performance.now() < endMs) {
      const channel = (await crew.snapshot()).channels["fan-out"];
      assert(channel?.kind === "relayed");
      const [first, second] = channel.consumers;
      delivered.push(first!.messages);
      assert(second!.queuedMessages <= HIGH_WATER, `${second!.queuedMessages} wait`);
      residentKib.push(residentKibOf(relay));
      await delay(1000);
    }
    for (const pid of pids) sendSignal(pid, SIGCONT);
    await loaded.finish();
    // Who is not stopped goes on all the time, and the relay holds no more for those who are.
    delivered.forEach((count, at) =>
      assert(at === 0 || count > delivered[at - 1]!, `${delivered}`)
    );
    const half = residentKib.length >> 1;
    const [early, late] = [residentKib.slice(1, half), residentKib.slice(half)]
      .map((part) => Math.max(...part));
    assert(late! < early! + 8192, `grew: ${residentKib}`);
    for (const { name } of STREAMS) {
      for (const [at, sink] of loaded.verdicts(name).entries()) {
        const verdict = [...sink.bySource.values()][0]!;
        assertEquals([verdict.faults, sink.ends, sink.malformed], [[], 1, 0], name);
        const isDropped = name === fanOut.name && at === 1;
        const dropped = isDropped ? loaded.relayed(name).consumers[1]!.dropped.overflow : 0;
        assertEquals(verdict.elsewhere.messages, dropped, name);
        if (isDropped) assert(dropped > 1000, `${dropped} were dropped`);
      }
    }
  },
});

function residentKibOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
}
