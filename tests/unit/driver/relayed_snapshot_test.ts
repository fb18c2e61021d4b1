import { assertEquals } from "@std/assert";
import { LegChannel } from "../../../src/channel/relay/leg_channel.ts";
import {
  COUNTER,
  counterAt,
  countersBytes,
  droppedAt,
  OVERFLOWS,
} from "../../../src/channel/relay/relay_counters.ts";
import { RelayLink } from "../../../src/channel/relay/relay_link.ts";
import { relayedSnapshots } from "../../../src/driver/relayed_snapshot.ts";
import { closeFd, writeFd } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import type { LegPlan } from "../../../src/plan/plan.ts";
import { relayedPlan } from "../channel/relay_fixtures.ts";

const NONE = {
  overflow: 0,
  rate: 0,
  expired: 0,
  malformed: 0,
  oversized: 0,
  unfinished: 0,
  ended: 0,
  lost: 0,
};

function setUp() {
  const plan = relayedPlan({ producers: ["cam-1", "cam-2"] });
  const reactor = new Reactor();
  const ignore = () => {};
  const told = { onReport: ignore, onBroken: ignore, onClosed: ignore, onAbandoned: ignore };
  const link = new RelayLink({ plan, reactor, ...told });
  const channels = plan.channels.map((leg) => new LegChannel(leg as LegPlan, link));
  const counters = new Float64Array(countersBytes(3) / 8);
  const set = (slot: number, values: Partial<Record<keyof typeof COUNTER, number>>) => {
    for (const [name, value] of Object.entries(values)) {
      counters[counterAt(slot, COUNTER[name as keyof typeof COUNTER])] = value;
    }
  };
  const stallOf = () => null;
  const sources = { channels, counters, stallOf, nowMs: 5000 };
  const snapshot = () => relayedSnapshots(plan, sources)["feed"];
  const close = () => {
    link[Symbol.dispose]();
    reactor.close();
  };
  return { channels, counters, set, snapshot, close };
}

Deno.test("relayedSnapshots() gives zeros and the plan's limits before there was any @relay", () => {
  const { snapshot, close } = setUp();
  const flow = {
    instance: 0,
    messages: 0,
    bytes: 0,
    capacityBytes: 65_536,
    fillBytes: 0,
    blockedForMs: null,
    blockedTotalMs: 0,
    dropped: NONE,
  };
  assertEquals(snapshot(), {
    kind: "relayed",
    framing: "lines",
    producers: [{ from: "cam-1.feed", ...flow }, { from: "cam-2.feed", ...flow }],
    consumers: [{
      to: "rec.feed",
      ...flow,
      queuedMessages: 0,
      messagesMax: 10,
      peakMessages: 0,
      queuedBytes: 0,
      bytesMax: 65_536,
      oldestAgeMs: null,
      overflow: "block",
      stall: null,
    }],
  });
  close();
});

Deno.test("relayedSnapshots() reads each leg's counters and what is in its held pipes", () => {
  const { channels, counters, set, snapshot, close } = setUp();
  set(1, { instance: 3, messages: 100, bytes: 5000, blockedSinceMs: 4000, blockedTotalMs: 50 });
  counters[droppedAt(1, "malformed")] = 2;
  set(2, {
    instance: 1,
    messages: 90,
    bytes: 4000,
    queuedMessages: 8,
    queuedBytes: 700,
    peakMessages: 10,
    oldestMs: 4990.5,
    overflow: OVERFLOWS.indexOf("drop-oldest"),
  });
  counters[droppedAt(2, "lost")] = 4;
  const fds = [channels[1]!.openEnd("write", 3), channels[1]!.openEnd("write", 4)];
  for (const fd of fds) writeFd(fd, new Uint8Array(10));
  const { producers, consumers } = snapshot()!;
  assertEquals(producers[1], {
    from: "cam-2.feed",
    instance: 3,
    messages: 100,
    bytes: 5000,
    capacityBytes: 65_536,
    fillBytes: 20,
    blockedForMs: 1000,
    blockedTotalMs: 1050,
    dropped: { ...NONE, malformed: 2 },
  });
  const [rec] = consumers;
  assertEquals(
    [rec!.queuedMessages, rec!.queuedBytes, rec!.peakMessages, rec!.oldestAgeMs, rec!.overflow],
    [8, 700, 10, 9.5, "drop-oldest"],
  );
  assertEquals(rec!.dropped, { ...NONE, lost: 4 });
  for (const fd of fds) closeFd(fd);
  close();
});
