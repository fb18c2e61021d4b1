import { assert, assertEquals } from "@std/assert";
import type { EventBody } from "../../../src/audit/event_record.ts";
import type { Request } from "../../../src/core/event.ts";
import type { Instance } from "../../../src/driver/instance.ts";
import { disposeInstance } from "../../../src/driver/instance.ts";
import { RelayDialogue } from "../../../src/driver/relay_dialogue.ts";
import { closeFd } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { mapSharedMemory } from "../../../src/os/shared_memory.ts";
import { openDescriptors, until } from "../../process/support/harness.ts";
import { relayedPlan, RelayEnd } from "../channel/relay_fixtures.ts";

/** A dialogue, a crew that is a table, and all that it leads to. */
class World implements Disposable {
  readonly reactor = new Reactor();
  readonly events: EventBody[] = [];
  readonly requests: Request[] = [];
  readonly live = new Map<number, Instance>();
  readonly dialogue: RelayDialogue;

  constructor() {
    this.dialogue = new RelayDialogue({
      plan: relayedPlan(),
      reactor: this.reactor,
      liveOf: (process) => this.live.get(process) ?? null,
      record: (body) => this.events.push(body),
      request: (request) => this.requests.push(request),
    });
  }

  /** Starts `process`, as which a real process may stand in. */
  start(process: number, number: number, pid = 0): Instance {
    const instance: Instance = {
      process,
      number,
      pid,
      mainPid: pid,
      spawnedNs: 0,
      statusText: null,
      hearings: [],
      cleanups: [],
    };
    this.live.set(process, instance);
    this.dialogue.tell(instance);
    return instance;
  }

  end(instance: Instance): void {
    for (const hear of instance.hearings) hear();
    disposeInstance(instance);
    this.live.delete(instance.process);
  }

  [Symbol.dispose](): void {
    this.dialogue[Symbol.dispose]();
    this.reactor.close();
  }
}

Deno.test("RelayDialogue makes events of reports, with the names of those concerned", async () => {
  using world = new World();
  const { link } = world.dialogue;
  using relay = new RelayEnd(link.open());
  world.start(0, 1);
  const fds = [link.openPipe(0, 4), link.openPipe(1, 7)];
  const dropped = { kind: "dropped", reason: "overflow", messages: 9, detail: null } as const;
  relay.report({ ...dropped, slot: 1, instance: 7 });
  relay.report({ ...dropped, slot: 0, instance: 4, reason: "rate" });
  relay.report({ kind: "inputCut", slot: 0, instance: 4, pipe: 1, why: "rate" });
  await until("they are heard", () => world.events.length === 3);
  const cam = { channel: "feed", process: "cam", instance: 4 };
  const counted = { event: "messagesDropped", messages: 9, detail: null } as const;
  assertEquals(world.events, [
    { ...counted, channel: "feed", process: "rec", instance: 7, reason: "overflow" },
    { ...counted, ...cam, reason: "rate" },
    { event: "linkCut", ...cam, why: "rate" },
  ]);
  assertEquals(world.requests, []);
  for (const fd of fds) closeFd(fd);
});

Deno.test("RelayDialogue restarts the consumer of a torn output, and not its successor", async () => {
  using world = new World();
  const { link } = world.dialogue;
  using relay = new RelayEnd(link.open());
  world.start(0, 1);
  world.start(2, 7);
  const fd = link.openPipe(1, 7);
  relay.report({ kind: "outputTorn", slot: 1, instance: 7, pipe: 1 });
  await until("it is asked for", () => world.requests.length === 1);
  assertEquals(world.requests, [{ op: "restart", process: 2 }]);
  assertEquals(world.events, [{ event: "linkTorn", channel: "feed", process: "rec", instance: 7 }]);
  world.start(2, 8);
  relay.report({ kind: "outputTorn", slot: 1, instance: 7, pipe: 1 });
  await until("it is told", () => world.events.length === 2);
  await Promise.resolve();
  assertEquals(world.requests.length, 1);
  closeFd(fd);
});

Deno.test("RelayDialogue kills a @relay that says what it must not, and says why", async () => {
  using world = new World();
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  using relay = new RelayEnd(world.dialogue.link.open());
  world.start(0, 3, child.pid);
  relay.say("nonsense");
  const { signal } = await child.status;
  assertEquals(signal, "SIGKILL");
  assertEquals(world.events, [{
    event: "warning",
    message: `@relay#3 is killed: a report cannot be understood: "nonsense"`,
  }]);
});

Deno.test("RelayDialogue kills a @relay that closes its link and lives on, and waits for one that ends", async () => {
  using world = new World();
  const child = new Deno.Command("sleep", { args: ["60"] }).spawn();
  new RelayEnd(world.dialogue.link.open())[Symbol.dispose]();
  world.start(0, 1, child.pid);
  assertEquals((await child.status).signal, "SIGKILL");
  assert(JSON.stringify(world.events).includes("its link is closed, and it lives on"));
  world.events.length = 0;
  const relay = new RelayEnd(world.dialogue.link.open());
  const instance = world.start(0, 2);
  const dropped = { kind: "dropped", slot: 0, instance: 1, reason: "rate", detail: null } as const;
  relay.report({ ...dropped, messages: 2 });
  relay[Symbol.dispose]();
  // Its last words are heard before its end is acted on, whatever the reactor has told.
  world.end(instance);
  assertEquals(world.events.map(({ event }) => event), ["messagesDropped"]);
});

Deno.test("RelayDialogue holds the counters, and closes its descriptor at the end", () => {
  const before = openDescriptors();
  const world = new World();
  assertEquals(world.dialogue.process, 0);
  // Two legs.
  assertEquals(world.dialogue.counters.length, 64);
  const mapped = new Float64Array(mapSharedMemory(world.dialogue.countersFd));
  mapped[63] = 7;
  assertEquals(world.dialogue.counters[63], 7);
  const own = openDescriptors() - before;
  world.dialogue[Symbol.dispose]();
  assertEquals(openDescriptors() - before, own - 1);
  world.reactor.close();
});
