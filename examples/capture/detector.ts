/** Looks for peaks in what comes; its event loop goes on between two readings. */
import { mailboxConsumer } from "coxswain/child";
import { READING } from "./reading.ts";

const PEAK = 5;

using readings = mailboxConsumer("readings", { schema: READING });
for await (const reading of readings) {
  const { t, axis } = reading.fields;
  const highest = Math.max(...axis);
  const ageUs = Math.round((reading.receivedNs - reading.stampNs) / 1000);
  // What was overwritten while it was read may be half of another.
  if (reading.release() === "intact" && highest > PEAK) {
    console.log(`peak of ${highest.toFixed(1)} at ${t.toFixed(1)} s, ${ageUs} µs old`);
  }
}
