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
  contract = CONTRACT,
) {
  const ring = () =>
    new RecordRing(new SharedArrayBuffer(ringBytes(16, RECORD_WIDTH)), RECORD_WIDTH);
  const [told, reports] = [ring(), ring()];
  const criticals: number[] = [];
  const calls: LoopParts["calls"] = {
    nowNs: () => 0,
    bootNs: () => 0,
    sleepUntil: () => {},
    sleepOn: () => {},
    isReadable,
    fillBytes: () => 0,
    takeEvent: () => {},
    wasHeard: () => false,
    giveEvent: () => {},
    signal: () => "sent",
  };
  const none = () => {
    throw new Error("Nothing else is looked at");
  };
  const loop = new MonitorLoop({
    keepers: [[0]],
    contracts: [contract],
    stops: [{ signal: 15, signalName: "SIGTERM", timeoutNs: 1, scope: "process" }],
    judgeOf: (index, court) => {
      const sources = { pulse: none, signs: () => signs, deliveries: none };
      return makeJudge(index, contract, sources, court);
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
    readsFrom: () => {},
    hear: () => Infinity,
    starvedNs: () => 0,
    figuresAsked: () => {},
    criticalChanged: (broken) => criticals.push(broken),
  });
  const tell = (...numbers: number[]) => {
    const record = new Float64Array(RECORD_WIDTH);
    record.set(numbers);
    told.put(record);
  };
  const records = () => {
    const record = new Float64Array(RECORD_WIDTH);
    const all: number[][] = [];
    while (reports.take(record)) all.push([...record]);
    return all;
  };
  const heard = () => records().map(([kind]) => kind);
  tell(TELL.spawned, 0, 1, 4711, PIDFD, 0);
  tell(TELL.ready, 0, 1, 0);
  return { loop, heard, records, tell, criticals };
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

Deno.test("MonitorLoop tells that a contract holds again by the instance that keeps it, since it first broke", () => {
  const signs = { signs: 0, lastNs: 0, read: () => true };
  const set = silentLoop(() => false, signs, { ...CONTRACT, critical: true });
  const restart = (instance: number, atNs: number) => {
    set.tell(TELL.ended, 0, instance - 1, atNs);
    set.tell(TELL.spawned, 0, instance, 4711, PIDFD, atNs);
    set.tell(TELL.ready, 0, instance, atNs);
    set.loop.turn(atNs);
  };
  set.loop.turn(0);
  set.loop.turn(2 * LIMIT_NS);
  restart(2, 3 * LIMIT_NS);
  // The second is silent as well: it breaks it anew.
  set.loop.turn(5 * LIMIT_NS);
  assertEquals(set.heard(), [HEAR.verdict, HEAR.verdict]);
  restart(3, 6 * LIMIT_NS);
  assertEquals(set.heard(), []);
  signs.signs = 1;
  signs.lastNs = 6.5 * LIMIT_NS;
  set.loop.turn(6.6 * LIMIT_NS);
  // Broken since the first one's silence was due; of the third instance.
  assertEquals(set.records().map((record) => record.slice(0, 5)), [
    [HEAR.recovered, 0, 3, 6.6 * LIMIT_NS, LIMIT_NS],
  ]);
  // The hardware watchdog is stroked while there is an instance that may mend it.
  assertEquals(set.criticals, [1, 0, 1, 0]);
});
