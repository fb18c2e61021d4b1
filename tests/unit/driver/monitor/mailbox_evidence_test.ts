import { assertEquals } from "@std/assert";
import { MailboxChannel } from "../../../../src/channel/mailbox/mailbox_channel.ts";
import { PUBLISHED } from "../../../../src/channel/mailbox/layout.ts";
import { mailbox } from "../../../../src/config/define.ts";
import { mailboxEvidence } from "../../../../src/driver/monitor/mailbox_evidence.ts";
import { closeFd } from "../../../../src/os/pipe.ts";
import { mapSharedMemory } from "../../../../src/os/shared_memory.ts";
import type { MailboxPlan } from "../../../../src/plan/plan.ts";
import { commandProcess, compiled, crew } from "../../plan/fixtures.ts";

Deno.test("mailboxEvidence() tells how far each consumer is behind, and of keepAll that it is full", () => {
  for (const [history, full] of [["keepAll", "full"], [{ keepLast: 2 }, "flows"]] as const) {
    const box = mailbox({
      ...{ from: "a.x", to: ["b.x", "c.x"], sampleBytes: "64B", slots: 4 },
      history,
    });
    const run = { a: commandProcess(), b: commandProcess(), c: commandProcess() };
    const plan = compiled(crew(run, { channels: { box } }));
    const [a, b] = ["a", "b"].map((name) => plan.processes.findIndex((p) => p.name === name));
    using channel = new MailboxChannel(plan.channels[0] as MailboxPlan);
    const fd = channel.openPart({
      ...{ fd: 9, kind: "mailbox", channel: 0, part: "samples", consumer: -1, access: "write" },
    });
    const words = new Int32Array(mapSharedMemory(fd));
    closeFd(fd);
    const seen = (process: number) =>
      mailboxEvidence(plan, process, [channel]).map(({ side, state, fill, capacity, other }) =>
        [side, state, fill, capacity, ...other] as const
      );
    assertEquals(seen(a!), [["writes", "empty", 0, 4, "b"], ["writes", "empty", 0, 4, "c"]]);
    words[PUBLISHED] = 1;
    assertEquals(seen(b!), [["reads", "flows", 1, 4, "a"]]);
    words[PUBLISHED] = 9;
    assertEquals(seen(b!), [["reads", full, 4, 4, "a"]]);
  }
});
