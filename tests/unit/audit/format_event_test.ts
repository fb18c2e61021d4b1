import { assertEquals } from "@std/assert";
import type { EventBody } from "../../../src/audit/event_record.ts";
import { formatEvent } from "../../../src/audit/format_event.ts";

const text = (body: EventBody) => formatEvent({ seq: 1, monoNs: 0, wall: "", ...body });
const OF = { channel: "frames", process: "cam", instance: 2 } as const;

Deno.test("formatEvent() says whose messages a relayed pipe has dropped, and why", () => {
  const dropped = { event: "messagesDropped", ...OF, reason: "malformed" } as const;
  assertEquals(
    text({ ...dropped, messages: 1, detail: "no UTF-8" }),
    "frames dropped 1 message of cam#2: malformed (no UTF-8)",
  );
  assertEquals(
    text({ ...dropped, messages: 20, reason: "overflow", detail: null }),
    "frames dropped 20 messages of cam#2: overflow",
  );
});

Deno.test("formatEvent() says which end of a relayed pipe was cut, torn or let go of", () => {
  assertEquals(
    text({ event: "linkCut", ...OF, why: "oversized" }),
    "frames takes nothing more from cam#2: oversized",
  );
  assertEquals(
    text({ event: "linkTorn", ...OF }),
    "frames was cut within a message to cam#2, which has to restart",
  );
  assertEquals(
    text({ event: "pipeAbandoned", ...OF, bytes: 7 }),
    "frames let go of 7 bytes of cam#2: too many instances came after it",
  );
});
