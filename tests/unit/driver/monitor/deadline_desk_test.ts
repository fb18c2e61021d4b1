import { assertEquals } from "@std/assert";
import type { EventBody } from "../../../../src/audit/event_record.ts";
import type { MissEvidence } from "../../../../src/audit/deadline_event.ts";
import { DeadlineDesk } from "../../../../src/driver/monitor/deadline_desk.ts";
import { RECORD_WIDTH, verdictRecord } from "../../../../src/driver/monitor/messages.ts";
import type { ContractPlan } from "../../../../src/plan/contract.ts";
import type { Plan } from "../../../../src/plan/plan.ts";
import { BASE, MS } from "../../deadline/support.ts";

Deno.test("DeadlineDesk gathers evidence for each contract of a process, and not without an end for one", () => {
  const contract = (name: string): ContractPlan => ({
    ...BASE,
    ...{ name, kind: "gap", channel: 0, consumer: null, warnNs: 0, missNs: MS },
  });
  const plan = {
    contracts: [contract("p.first"), contract("p.second")],
    processes: [{ name: "p" }],
  } as unknown as Plan;
  const told: [string, boolean][] = [];
  let nowNs = 1e9;
  const desk = new DeadlineDesk({
    plan,
    originNs: 0,
    nowNs: () => nowNs,
    record: (body: EventBody) =>
      body.event === "deadline" && told.push([body.contract, body.evidence !== null]),
    post: () => {},
    evidenceOf: () => ({}) as MissEvidence,
    run: () => {},
    onMiss: () => {},
  });
  const miss = (index: number) => {
    const record = new Float64Array(RECORD_WIDTH);
    const times = { dueNs: nowNs - MS, atNs: null, noticedNs: nowNs, latenessNs: MS, lastNs: 0 };
    verdictRecord({
      ...{ contract: index, kind: "miss", reason: "gap", item: 0, count: 1, ...times },
      ...{ broke: false, missedInWindow: 1, allowedNs: 0, instance: 1, did: 0, glimpse: null },
    }, record);
    desk.hear(record);
  };
  for (const index of [0, 0, 0, 1]) miss(index);
  nowNs += 1e9;
  miss(0);
  desk.close();
  assertEquals(told, [
    ["p.first", true],
    ["p.first", true],
    ["p.first", false],
    ["p.second", true],
    ["p.first", true],
  ]);
});
