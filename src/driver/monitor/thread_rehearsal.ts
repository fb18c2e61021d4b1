/**
 * Misses that never were, before the first real one: a miss is rare, and code that has not run yet is
 * slow just when it must not be. Goes the whole way from a due time to a report, with processes that
 * are not there. Must not know: the real contracts.
 */
import type { Court } from "../../deadline/verdict.ts";
import { makeJudge } from "../../deadline/make_judge.ts";
import type { MonitorCalls } from "../../os/monitor_calls.ts";
import type { HeartbeatContract } from "../../plan/contract.ts";
import { RECORD_WIDTH, TELL } from "./messages.ts";
import { type LoopParts, MonitorLoop } from "./monitor_loop.ts";
import { RecordRing, ringBytes } from "./record_ring.ts";

/** Some thousand looks: what is hot by then stays so. */
const MISSES = 400;
const LIMIT_NS = 1_000_000;
const RECORDS = 16;

const CONTRACT: HeartbeatContract = {
  kind: "heartbeat",
  name: "",
  process: 0,
  critical: false,
  tolerate: { misses: 0, window: 1 },
  recoverAfter: 1,
  onMiss: [{ kind: "signal", signal: 0, signalName: "" }, { kind: "restart" }],
  onBroken: [],
  source: { by: "channel", channel: 0 },
  warnNs: 0,
  missNs: LIMIT_NS,
};

/**
 * Rehearses.
 *
 * @param real what it is done by; no signal is sent, and nothing is reported.
 */
export function rehearseMisses(
  real: Pick<LoopParts, "holdUpOf" | "glimpseOf"> & { readonly calls: MonitorCalls },
): void {
  const ring = () =>
    new RecordRing(new SharedArrayBuffer(ringBytes(RECORDS, RECORD_WIDTH)), RECORD_WIDTH);
  const [told, reports] = [ring(), ring()];
  const report = new Float64Array(RECORD_WIDTH);
  const record = new Float64Array(RECORD_WIDTH);
  const signs = { signs: 0, lastNs: 0, read: () => true };
  const none = () => {
    throw new Error("Nothing else is rehearsed");
  };
  const loop = new MonitorLoop({
    ...real,
    contracts: [CONTRACT],
    keepers: [[0]],
    stops: [{ signal: 0, signalName: "", timeoutNs: 1, scope: "process" }],
    judgeOf: (index, court: Court) =>
      makeJudge(index, CONTRACT, { pulse: none, signs: () => signs, deliveries: none }, court),
    // A pidfd of -1 is refused by the kernel.
    calls: { ...real.calls, takeEvent: () => {}, giveEvent: () => {} },
    told,
    reports,
    toldFd: -1,
    reportFd: -1,
    isMemoryOf: () => true,
    isUnheard: () => real.calls.isReadable(-1),
    readsFrom: () => {},
    listen: () => {},
    hear: () => Infinity,
    closeFd: () => {},
    starvedNs: () => 0,
    figuresAsked: () => {},
    criticalChanged: () => {},
  });
  const tell = (...numbers: number[]) => {
    record.fill(0);
    record.set(numbers);
    told.put(record);
  };
  let nowNs = real.calls.nowNs();
  for (let instance = 1; instance <= MISSES; instance++) {
    tell(TELL.spawned, 0, instance, Deno.pid, -1, nowNs);
    tell(TELL.ready, 0, instance, nowNs);
    loop.turn(nowNs);
    signs.signs++;
    signs.lastNs = nowNs += LIMIT_NS / 2;
    loop.turn(nowNs);
    loop.turn(nowNs += LIMIT_NS + 10);
    tell(TELL.ended, 0, instance, nowNs);
    loop.turn(nowNs);
    while (reports.take(report));
  }
}
