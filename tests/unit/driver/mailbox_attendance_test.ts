/** What is told of mailboxes that consumers call corrupt, whatever they write. */
import { assertEquals } from "@std/assert";
import type { EventBody } from "../../../src/audit/event_record.ts";
import { FAULT, FAULT_TEXT_BYTE } from "../../../src/channel/mailbox/layout.ts";
import { MailboxChannel } from "../../../src/channel/mailbox/mailbox_channel.ts";
import { mailbox } from "../../../src/config/define.ts";
import { MailboxAttendance } from "../../../src/driver/mailbox_attendance.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { mapSharedMemory } from "../../../src/os/shared_memory.ts";
import type { MailboxPlan } from "../../../src/plan/plan.ts";
import { commandProcess, compiled, crew } from "../plan/fixtures.ts";

Deno.test("MailboxAttendance tells one fault for each instance of a consumer, however many it writes", () => {
  const box = mailbox({ from: "a.x", to: "b.x", sampleBytes: "64B" });
  const plan = compiled(crew({ a: commandProcess(), b: commandProcess() }, { channels: { box } }));
  using channel = new MailboxChannel(plan.channels[0] as MailboxPlan);
  const fd = channel.openPart({
    fd: 9,
    kind: "mailbox",
    channel: 0,
    part: "page",
    consumer: 0,
    access: "write",
  });
  const page = mapSharedMemory(fd);
  closeFd(fd);
  const told: EventBody[] = [];
  const attendance = new MailboxAttendance(plan, [channel], (body) => told.push(body));
  const consumer = plan.processes.findIndex(({ name }) => name === "b");
  const say = (instance: number) => {
    new Uint8Array(page, FAULT_TEXT_BYTE).set(new TextEncoder().encode("wrong"));
    new Int32Array(page)[FAULT] = instance;
    attendance.look(consumer);
  };
  attendance.starts(consumer);
  for (let instance = 1; instance <= 20; instance++) say(instance);
  assertEquals(told, [
    { event: "mailboxCorrupt", channel: "box", process: "a", consumer: "b", fault: "wrong" },
  ]);
  attendance.ended(consumer);
  attendance.starts(consumer);
  // What its predecessor wrote is still there, and is not the next one's.
  attendance.look(consumer);
  assertEquals(told.length, 1);
  say(21);
  say(22);
  assertEquals(told.length, 2);
});
