/** Takes thirty frames a second, each written where it will be read. Needs no permission at all. */
import { mailboxProducer } from "coxswain/child";
import { nextDue } from "../../vitals/schedule.ts";
import { fillFrame } from "../frame.ts";

const PERIOD_MS = 1000 / 30;

const frames = mailboxProducer("frames");
const startMs = performance.now();
const sinceStartMs = () => performance.now() - startMs;

let due = { dueMs: 0, skipped: 0 };
for (let seq = 0;; seq++) {
  const loan = frames.loan();
  if (loan.kind === "loan") {
    fillFrame(loan.bytes, seq, performance.timeOrigin + performance.now());
    frames.publish();
  }
  due = nextDue(due.dueMs, PERIOD_MS, sinceStartMs());
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, due.dueMs - sinceStartMs())));
}
