/** The monitor's loop with stand-ins for the kernel: who is blamed for a silence. */
import { assertEquals } from "@std/assert";
import { makeJudge } from "../../../../src/deadline/make_judge.ts";
import { HEAR, RECORD_WIDTH, TELL } from "../../../../src/driver/monitor/messages.ts";
import { type LoopParts, MonitorLoop } from "../../../../src/driver/monitor/monitor_loop.ts";
import { RecordRing, ringBytes } from "../../../../src/driver/monitor/record_ring.ts";
import type { HeartbeatContract } from "../../../../src/plan/contract.ts";

const LIMIT_NS = 1_000_000;
const PIDFD = 7;

const CONTRACT: HeartbeatContract = {
  kind: "heartbeat",
  name: "",
  process: 0,
  critical: false,
  tolerate: { misses: 0, window: 1 },
  recoverAfter: 1,
  onMiss: [],
  onBroken: [],
  source: { by: "channel", channel: 0 },
  warnNs: 0,
  missNs: LIMIT_NS,
};

/** A loop over one heartbeat, ready since 0 and told of it when `turn` is first called. */
function silentLoop(
  isReadable: (fd: number) => boolean,
  signs = { signs: 0, lastNs: 0, read: () => true },
) {
  const ring = () =>
    new RecordRing(new SharedArrayBuffer(ringBytes(16, RECORD_WIDTH)), RECORD_WIDTH);
  const [told, reports] = [ring(), ring()];
  const calls: LoopParts["calls"] = {
    nowNs: () => 0,
    bootNs: () => 0,
    sleepUntil: () => {},
    sleepOn: () => {},
    isReadable,
    takeEvent: () => {},
    giveEvent: () => {},
    signal: () => "sent",
  };
  const none = () => {
    throw new Error("Nothing else is looked at");
  };
  const loop = new MonitorLoop({
    keepers: [[0]],
    contracts: [CONTRACT],
    stops: [{ signal: 15, signalName: "SIGTERM", timeoutNs: 1, scope: "process" }],
    judgeOf: (index, court) => {
      const sources = { pulse: none, signs: () => signs, deliveries: none };
      return makeJudge(index, CONTRACT, sources, court);
    },
    calls,
    told,
    reports,
    toldFd: -1,
    reportFd: -1,
    holdUpOf: () => null,
    glimpseOf: none,
    isMemoryOf: () => true,
    isUnheard: () => false,
    closeFd: () => {},
    listen: () => {},
    hear: () => Infinity,
    starvedNs: () => 0,
    figuresAsked: () => {},
    criticalChanged: () => {},
  });
  const tell = (...numbers: number[]) => {
    const record = new Float64Array(RECORD_WIDTH);
    record.set(numbers);
    told.put(record);
  };
  const heard = () => {
    const record = new Float64Array(RECORD_WIDTH);
    const kinds: number[] = [];
    while (reports.take(record)) kinds.push(record[0]!);
    return kinds;
  };
  tell(TELL.spawned, 0, 1, 4711, PIDFD, 0);
  tell(TELL.ready, 0, 1, 0);
  return { loop, heard };
}

Deno.test("MonitorLoop finds a silence of a process that runs", () => {
  const { loop, heard } = silentLoop(() => false);
  loop.turn(0);
  loop.turn(LIMIT_NS + 1);
  assertEquals(heard(), [HEAR.verdict]);
});

Deno.test("MonitorLoop blames no process for a silence that has exited, whenever its end is told", () => {
  const { loop, heard } = silentLoop((fd) => fd === PIDFD);
  for (let turn = 0; turn <= 5; turn++) loop.turn(turn * (LIMIT_NS + 1));
  assertEquals(heard(), []);
});

Deno.test("MonitorLoop takes no signs for a silence that came before it was told of the readiness", () => {
  const signs = { signs: 5, lastNs: 2.9 * LIMIT_NS, read: () => true };
  const { loop, heard } = silentLoop(() => false, signs);
  loop.turn(3 * LIMIT_NS);
  signs.signs = 6;
  signs.lastNs = 3.5 * LIMIT_NS;
  loop.turn(3.9 * LIMIT_NS);
  assertEquals(heard(), []);
  loop.turn(4.5 * LIMIT_NS + 1);
  assertEquals(heard(), [HEAR.verdict]);
});
