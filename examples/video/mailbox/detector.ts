/** Looks at the newest frame for 60 ms, which is too long for all of them, and passes it on. */
import { mailboxConsumer, mailboxProducer } from "coxswain/child";

const WORK_MS = 60;

using frames = mailboxConsumer("frames");
const marked = mailboxProducer("marked");
for await (const frame of frames) {
  await new Promise((resolve) => setTimeout(resolve, WORK_MS));
  const loan = marked.loan();
  if (loan.kind !== "loan") continue;
  loan.bytes.set(frame.bytes);
  loan.originNs = frame.originNs;
  // The camera can have come round to this slot meanwhile: then half of it is another frame.
  if (frame.release() === "intact") marked.publish();
  else marked.discard();
}
