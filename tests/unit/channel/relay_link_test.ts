import { assert, assertEquals } from "@std/assert";
import { LegChannel } from "../../../src/channel/relay/leg_channel.ts";
import {
  type AbandonedPipe,
  RelayLink,
  type ToldReport,
} from "../../../src/channel/relay/relay_link.ts";
import { LEG_PIPES_MAX } from "../../../src/channel/relay/relay_protocol.ts";
import { SystemError } from "../../../src/os/errno.ts";
import { F_GETFL, libc, O_NONBLOCK } from "../../../src/os/libc.ts";
import { closeFd, readFd, writeFd } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { duplicateFd } from "../../../src/os/socket.ts";
import type { LegPlan } from "../../../src/plan/plan.ts";
import { openDescriptors, until } from "../../process/support/harness.ts";
import { relayedPlan, type RelayedShape, RelayEnd } from "./relay_fixtures.ts";

/** asm-generic/resource.h. */
const RLIMIT_NOFILE = 7;

const bytes = (text: string) => new TextEncoder().encode(text);

/** Reads what is there. */
function textOf(fd: number): string {
  const buffer = new Uint8Array(100_000);
  const count = readFd(fd, buffer);
  return count === "would-block"
    ? "(nothing)"
    : new TextDecoder().decode(buffer.subarray(0, count));
}

/** Runs `attempt` with so many descriptors left at most. @returns its result or its errno. */
function withDescriptors<T>(left: number, attempt: () => T): T | string {
  const lowestFree = duplicateFd(0);
  closeFd(lowestFree);
  const own = new BigUint64Array(2);
  libc().getrlimit(RLIMIT_NOFILE, own);
  libc().setrlimit(RLIMIT_NOFILE, new BigUint64Array([BigInt(lowestFree + left), own[1]!]));
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    return error.errno;
  } finally {
    libc().setrlimit(RLIMIT_NOFILE, own);
  }
}

/** A link, what it tells the supervisor, and its legs as channels by slot. */
class World implements Disposable {
  readonly reactor = new Reactor();
  readonly reports: ToldReport[] = [];
  readonly broken: string[] = [];
  readonly abandoned: AbandonedPipe[] = [];
  closed = 0;
  readonly link: RelayLink;
  readonly legs: readonly LegChannel[];

  constructor(shape: RelayedShape = {}) {
    const plan = relayedPlan(shape);
    this.link = new RelayLink({
      plan,
      reactor: this.reactor,
      onReport: (report) => this.reports.push(report),
      onBroken: (why) => this.broken.push(why),
      onClosed: () => this.closed++,
      onAbandoned: (pipe) => this.abandoned.push(pipe),
    });
    this.legs = plan.channels.map((leg) => new LegChannel(leg as LegPlan, this.link));
  }

  /** Starts a `@relay`. */
  relay(): RelayEnd {
    return new RelayEnd(this.link.open());
  }

  [Symbol.dispose](): void {
    this.link[Symbol.dispose]();
    this.reactor.close();
  }
}

Deno.test("LegChannel.openEnd() makes a pipe for each instance and hands the read end over", () => {
  using world = new World();
  using relay = world.relay();
  const [feed] = world.legs;
  const first = feed!.openEnd("write", 1);
  const second = feed!.openEnd("write", 2);
  writeFd(first, bytes("of the first"));
  writeFd(second, bytes("of the second"));
  assertEquals(feed!.fillBytes(), 25);
  const [channel, one, two, ...more] = relay.receive();
  assertEquals(more, []);
  assertEquals(channel!.command, {
    kind: "channel",
    channel: {
      name: "feed",
      framing: "lines",
      maxMessageBytes: 1000,
      onMalformed: "drop",
      rate: null,
      inputs: [{ process: "cam", slot: 0 }],
      outputs: [{
        process: "rec",
        slot: 1,
        queue: { overflow: "block", messagesMax: 10, bytesMax: 65_536, lifespanNs: 0 },
      }],
    },
  });
  assertEquals(one!.command, { kind: "input", slot: 0, instance: 1, pipe: 1 });
  assertEquals(two!.command, { kind: "input", slot: 0, instance: 2, pipe: 2 });
  const fds = [one!.fds[0]!, two!.fds[0]!];
  for (const fd of fds) assertEquals(libc().fcntl(fd, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
  for (const fd of [first, second]) assertEquals(libc().fcntl(fd, F_GETFL, 0) & O_NONBLOCK, 0);
  assertEquals(fds.map(textOf), ["of the first", "of the second"]);
  // The supervisor keeps no write end: the end of the instance is seen.
  closeFd(first);
  assertEquals(fds.map(textOf), ["", "(nothing)"]);
  closeFd(second);
});

Deno.test("LegChannel.openEnd() hands both ends of a consumer's pipe over, and holds them", () => {
  using world = new World();
  const relay = world.relay();
  const [, feed] = world.legs;
  const fd = feed!.openEnd("read", 3);
  const output = relay.receive().at(-1)!;
  assertEquals(output.command, { kind: "output", slot: 1, instance: 3, pipe: 1 });
  const [write, read] = output.fds as [number, number];
  for (const one of output.fds) {
    assertEquals(libc().fcntl(one, F_GETFL, 0) & O_NONBLOCK, O_NONBLOCK);
  }
  assertEquals(libc().fcntl(fd, F_GETFL, 0) & O_NONBLOCK, 0);
  writeFd(write, bytes("hello"));
  assertEquals(feed!.fillBytes(), 5);
  assertEquals(textOf(fd), "hello");
  writeFd(write, bytes("unread"));
  closeFd(fd);
  // A dead consumer breaks no pipe, and a dead @relay ends none.
  assertEquals(writeFd(write, bytes("!")), 1);
  assertEquals(textOf(read), "unread!");
  writeFd(write, bytes("kept"));
  relay[Symbol.dispose]();
  using next = world.relay();
  assertEquals(textOf(next.receive().at(-1)!.fds[1]!), "kept");
});

Deno.test("RelayLink.open() tells a new @relay everything: channels, held pipes, ends, overflow", () => {
  using world = new World({ producers: ["cam", "mic"], consumers: ["rec", "view"] });
  const fds: number[] = [];
  // Before there is any @relay.
  fds.push(world.legs[0]!.openEnd("write", 1), world.legs[2]!.openEnd("read", 1));
  {
    using relay = world.relay();
    fds.push(world.legs[1]!.openEnd("write", 1), world.legs[3]!.openEnd("read", 1));
    fds.push(world.legs[0]!.openEnd("write", 2));
    world.legs[1]!.endProducer();
    world.link.setOverflow(3, "drop-newest");
    assertEquals(relay.commands().map(({ kind }) => kind), [
      ...["channel", "input", "output", "input", "output", "input", "inputEnded", "overflow"],
    ]);
    relay.report({ kind: "inputDone", pipe: 1 });
  }
  // And what happens while there is none.
  world.legs[3]!.endConsumer();
  using relay = world.relay();
  assertEquals(relay.commands().slice(1), [
    { kind: "output", slot: 2, instance: 1, pipe: 2 },
    { kind: "input", slot: 1, instance: 1, pipe: 3 },
    { kind: "input", slot: 0, instance: 2, pipe: 5 },
    { kind: "inputEnded", slot: 1 },
    { kind: "outputEnded", slot: 3 },
    { kind: "overflow", slot: 3, overflow: "drop-newest" },
  ]);
  world.link.setOverflow(3, null);
  // It starts again: the new pipe says so.
  world.legs[1]!.reopen();
  fds.push(world.legs[1]!.openEnd("write", 2));
  assertEquals(relay.commands(), [
    { kind: "overflow", slot: 3, overflow: "block" },
    { kind: "input", slot: 1, instance: 2, pipe: 6 },
  ]);
  using last = world.relay();
  assertEquals(last.commands().slice(-2), [
    { kind: "input", slot: 1, instance: 2, pipe: 6 },
    { kind: "outputEnded", slot: 3 },
  ]);
  for (const fd of fds) closeFd(fd);
});

Deno.test("RelayLink lets go of a pipe when it is reported done, and of a finished one's write end", async () => {
  using world = new World();
  using relay = world.relay();
  const [input, output] = world.legs;
  const fds = [input!.openEnd("write", 1), output!.openEnd("read", 1)] as const;
  const received = relay.receive();
  const before = openDescriptors();
  relay.report({ kind: "inputDone", pipe: 1 });
  await until("the read end is closed", () => openDescriptors() === before - 1);
  relay.closeFd(received[1]!.fds[0]!);
  assertEquals(writeFd(fds[0], bytes("x")), "closed");
  writeFd(received[2]!.fds[0]!, bytes("last"));
  relay.report({ kind: "outputFinished", pipe: 2 });
  await until("the write end is closed", () => openDescriptors() === before - 3);
  relay.closeFd(received[2]!.fds[0]!);
  assertEquals([textOf(fds[1]), textOf(fds[1])], ["last", ""]);
  // Of it a new @relay is handed what is left to take back.
  using next = world.relay();
  const [told] = next.receive().slice(1);
  assertEquals(told!.command, { kind: "output", slot: 1, instance: 1, pipe: 2 });
  assertEquals(told!.fds.length, 1);
  const later = openDescriptors();
  // A second time is without effect.
  next.report({ kind: "inputDone", pipe: 1 });
  next.report({ kind: "outputFinished", pipe: 2 });
  next.report({ kind: "outputDone", pipe: 2 });
  next.report({ kind: "outputDone", pipe: 2 });
  await until("the other is closed, too", () => openDescriptors() === later - 1);
  assertEquals([world.broken, world.reports, world.closed], [[], [], 0]);
  for (const fd of fds) closeFd(fd);
});

Deno.test("RelayLink tells of drops, of a link that was cut and of a torn output", async () => {
  using world = new World();
  using relay = world.relay();
  const [input, output] = world.legs;
  const fds = [input!.openEnd("write", 5), output!.openEnd("read", 6)] as const;
  const [, handed] = relay.receive();
  const dropped = {
    kind: "dropped",
    slot: 0,
    instance: 5,
    reason: "malformed",
    messages: 3,
    detail: "no UTF-8",
  } as const;
  relay.report(dropped);
  relay.report({ kind: "inputCut", slot: 0, instance: 5, pipe: 1, why: "malformed" });
  relay.report({ kind: "outputTorn", slot: 1, instance: 6, pipe: 2 });
  // The second time there is nothing to cut.
  relay.report({ kind: "inputCut", slot: 0, instance: 5, pipe: 1, why: "malformed" });
  await until("all is heard", () => world.reports.length === 3);
  world.link.hear();
  assertEquals(world.reports, [
    dropped,
    { kind: "inputCut", slot: 0, instance: 5, pipe: 1, why: "malformed" },
    { kind: "outputTorn", slot: 1, instance: 6, pipe: 2 },
  ]);
  relay.closeFd(handed!.fds[0]!);
  assertEquals(writeFd(fds[0], bytes("x")), "closed");
  for (const fd of fds) closeFd(fd);
});

Deno.test("RelayLink breaks with a @relay that says what it must not, and goes on with the next", async () => {
  using world = new World();
  const [input, output] = world.legs;
  const fds = [input!.openEnd("write", 1), output!.openEnd("read", 1)];
  const wrong = [
    "nonsense",
    "{}",
    "\xff",
    `{"kind":"inputDone","pipe":3}`,
    // Of the wrong side.
    `{"kind":"inputDone","pipe":2}`,
    `{"kind":"outputDone","pipe":1}`,
    `{"kind":"outputTorn","slot":0,"instance":1,"pipe":1}`,
    `{"kind":"inputCut","slot":0,"instance":1,"pipe":2,"why":"rate"}`,
    "x".repeat(65_537),
  ];
  for (const [at, text] of wrong.entries()) {
    using relay = world.relay();
    relay.say(text);
    await until(`it is refused: ${text.slice(0, 80)}`, () => world.broken.length === at + 1);
  }
  // A descriptor that comes with a report is closed: nothing piles up here.
  using relay = world.relay();
  const before = openDescriptors();
  relay.say(`{"kind":"inputDone","pipe":1}`, [fds[0]!, fds[0]!]);
  world.link.hear();
  assertEquals(openDescriptors(), before - 1);
  assertEquals(world.broken.length, wrong.length);
  assertEquals(world.closed, 0);
  for (const fd of fds) closeFd(fd);
});

Deno.test("RelayLink sees that a @relay has closed its end, and what it had said before", async () => {
  using world = new World();
  const fd = world.legs[0]!.openEnd("write", 1);
  const relay = world.relay();
  relay.report({
    kind: "dropped",
    slot: 0,
    instance: 1,
    reason: "unfinished",
    messages: 1,
    detail: null,
  });
  relay[Symbol.dispose]();
  await until("its end is seen", () => world.closed === 1);
  assertEquals(world.reports.map(({ kind }) => kind), ["dropped"]);
  // Nothing is told to nobody, and nothing is lost by it.
  world.legs[0]!.endProducer();
  using next = world.relay();
  assertEquals(next.commands().slice(-1), [{ kind: "inputEnded", slot: 0 }]);
  closeFd(fd);
});

Deno.test("RelayLink holds so many pipes of a leg and no more, and says what went with the oldest", () => {
  using world = new World();
  using relay = world.relay();
  const [feed] = world.legs;
  const started = openDescriptors();
  for (let instance = 1; instance <= LEG_PIPES_MAX; instance++) {
    const fd = feed!.openEnd("write", instance);
    writeFd(fd, bytes("x".repeat(instance)));
    closeFd(fd);
  }
  assertEquals(openDescriptors(), started + LEG_PIPES_MAX);
  assertEquals(world.abandoned, []);
  closeFd(feed!.openEnd("write", 100));
  assertEquals(world.abandoned, [{ slot: 0, instance: 1, bytes: 1 }]);
  closeFd(feed!.openEnd("write", 101));
  assertEquals(world.abandoned.at(-1), { slot: 0, instance: 2, bytes: 2 });
  assertEquals(openDescriptors(), started + LEG_PIPES_MAX);
  assertEquals(relay.receive().length, 1 + LEG_PIPES_MAX + 2);
  // An empty one goes without a word.
  for (let instance = 102; instance < 102 + LEG_PIPES_MAX; instance++) {
    closeFd(feed!.openEnd("write", instance));
  }
  assertEquals(world.abandoned.length, LEG_PIPES_MAX);
});

Deno.test("RelayLink never waits for a @relay that reads nothing, and forgets nothing", async () => {
  using world = new World({ producers: Array.from({ length: 40 }, (_, at) => `p${at}`) });
  using relay = world.relay();
  const started = openDescriptors();
  for (let instance = 1; instance <= 50; instance++) {
    for (const feed of world.legs) {
      closeFd(feed.openEnd(feed === world.legs.at(-1) ? "read" : "write", instance));
    }
    world.legs[0]!.endProducer();
    world.legs[0]!.reopen();
  }
  // What is held is bounded, and so is what is to be told.
  assertEquals(openDescriptors(), started + 40 * LEG_PIPES_MAX + 2 * LEG_PIPES_MAX);
  world.legs[0]!.endProducer();
  world.link.drain();
  let newest = 0;
  const seen = new Map<number, number[]>();
  let drained = false;
  await until("everything is told", () => {
    for (const { command, fds } of relay.receive()) {
      for (const fd of fds) relay.closeFd(fd);
      drained = command.kind === "drain";
      if (command.kind !== "input" && command.kind !== "output") continue;
      assert(command.pipe > newest, "in order");
      newest = command.pipe;
      seen.set(command.slot, [...seen.get(command.slot) ?? [], command.instance]);
    }
    return drained;
  });
  assertEquals(newest, 50 * 41);
  for (const instances of seen.values()) {
    assertEquals(instances.slice(-LEG_PIPES_MAX), Array.from({ length: 16 }, (_, n) => 35 + n));
  }
  assertEquals(seen.size, 41);
});

Deno.test("LegChannel.endConsumer() of the last consumer breaks the producers' pipes", () => {
  using world = new World({ consumers: ["rec", "view"] });
  using relay = world.relay();
  const [input, rec, view] = world.legs;
  const fds = [input!.openEnd("write", 1), rec!.openEnd("read", 1), view!.openEnd("read", 1)];
  relay.receive().forEach(({ fds }) => fds.forEach((fd) => relay.closeFd(fd)));
  rec!.endConsumer();
  assertEquals(relay.commands(), [{ kind: "outputEnded", slot: 1 }]);
  assertEquals(writeFd(fds[0]!, bytes("x")), 1);
  view!.endConsumer();
  view!.endConsumer();
  assertEquals(relay.commands(), [{ kind: "outputEnded", slot: 2 }]);
  assertEquals(writeFd(fds[0]!, bytes("x")), "closed");
  // The next instance sees it at once, and @relay hears nothing of it.
  fds.push(input!.openEnd("write", 2));
  assertEquals(writeFd(fds[3]!, bytes("x")), "closed");
  assertEquals(relay.commands(), []);
  // One of them comes back: the next instance can write.
  rec!.reopen();
  fds.push(rec!.openEnd("read", 2), input!.openEnd("write", 3));
  assertEquals(writeFd(fds[5]!, bytes("x")), 1);
  assertEquals(relay.commands().map(({ kind }) => kind), ["output", "input"]);
  for (const fd of fds) closeFd(fd);
});

Deno.test("LegChannel ends nothing where the plan says hold, nor when @relay itself has ended", () => {
  using world = new World({ leg: { producerEnds: "hold", consumerEnds: "hold" } });
  using relay = world.relay();
  relay.receive();
  for (const leg of world.legs) {
    leg.endProducer();
    leg.endConsumer();
  }
  assertEquals(relay.commands(), []);
  using other = new World();
  using peer = other.relay();
  peer.receive();
  other.legs[0]!.endConsumer();
  other.legs[1]!.endProducer();
  assertEquals(peer.commands(), []);
});

Deno.test("LegChannel.openEnd() leaves nothing open when there are not descriptors enough", () => {
  using world = new World();
  using relay = world.relay();
  for (const leg of world.legs) {
    const end = leg === world.legs[0] ? "write" : "read";
    const before = openDescriptors();
    let fd: number | string = "";
    let refusals = 0;
    while (typeof fd === "string") {
      fd = withDescriptors(refusals, () => leg.openEnd(end, 1));
      if (typeof fd !== "string") break;
      assertEquals(fd, "EMFILE");
      assertEquals(openDescriptors(), before);
      refusals++;
    }
    // Two for the pipe, and one or two ends of our own.
    assert(refusals >= (end === "write" ? 3 : 4), `${refusals}`);
    closeFd(fd);
  }
  assertEquals(relay.commands().map(({ kind }) => kind), ["channel", "input", "output"]);
});

Deno.test("RelayLink lets go of everything at its end", () => {
  const before = openDescriptors();
  const world = new World();
  const relay = world.relay();
  const fds = [world.legs[0]!.openEnd("write", 1), world.legs[1]!.openEnd("read", 1)];
  for (const fd of fds) closeFd(fd);
  relay[Symbol.dispose]();
  const own = openDescriptors() - before;
  world.link[Symbol.dispose]();
  // The socket, a read end, both ends of the other.
  assertEquals(openDescriptors() - before, own - 4);
  world[Symbol.dispose]();
});
