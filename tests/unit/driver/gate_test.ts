import { assertEquals } from "@std/assert";
import type { EventBody } from "../../../src/audit/event_record.ts";
import { type GateContext, watchGate } from "../../../src/driver/gate.ts";
import type { Instance } from "../../../src/driver/instance.ts";
import { closeFd, readFd, writeFd } from "../../../src/os/pipe.ts";
import { Reactor } from "../../../src/os/reactor.ts";
import { createSocketPair, makeNonBlocking } from "../../../src/os/socket.ts";
import type { Plan } from "../../../src/plan/plan.ts";

const LISTENER = 4;

/** This very process is the server, and whoever `clientPid` is the declared client. */
function makeGate(clientPid: number) {
  const [ours, theirs] = createSocketPair("stream");
  for (const fd of [ours, theirs]) makeNonBlocking(fd);
  // Both ends are this process's: its peer is itself.
  const [connection, other] = createSocketPair("stream");
  const reactor = new Reactor();
  const events: EventBody[] = [];
  const plan = {
    processes: [{ name: "@log" }, { name: "server" }, { name: "friend" }],
    channels: [{
      kind: "listen",
      name: "door",
      from: { processes: [2], port: "", fd: -1 },
      to: { processes: [1], port: "door", fd: LISTENER },
      connectionsMax: 5,
    }],
  } as unknown as Plan;
  const instance = (process: number, pid: number) =>
    ({ process, number: 1, pid, mainPid: pid }) as Instance;
  // As a server this process owns the connection, as a client it would belong to the server.
  const server = { ...instance(1, Deno.pid), mainPid: -1 };
  let nowNs = 0;
  const context: GateContext = {
    plan,
    index: 1,
    number: 1,
    reactor,
    nowNs: () => nowNs,
    record: (body) => events.push(body),
    live: () => [server, instance(2, clientPid)],
  };
  const gate = watchGate(context, ours);
  const buffer = new Uint8Array(65536);
  return {
    connection,
    events,
    pass: (ns: number) => nowNs += ns,
    /** Says something, and what is answered to it. */
    say(text: string): string {
      writeFd(theirs, new TextEncoder().encode(text));
      gate.hear();
      const count = readFd(theirs, buffer);
      return typeof count === "number" ? new TextDecoder().decode(buffer.subarray(0, count)) : "";
    },
    close: () => gate.close(),
    [Symbol.dispose]() {
      for (const fd of [theirs, connection, other]) closeFd(fd);
      reactor.close();
    },
  };
}

Deno.test("Gate admits a declared client's connection, and refuses what is none or not to be had", () => {
  using gate = makeGate(Deno.pid);
  assertEquals(gate.say(`check 1 ${LISTENER} ${gate.connection}\n`), "1 admit\n");
  assertEquals(gate.events, []);
  // No such listener; no such descriptor; no socket.
  assertEquals(gate.say(`check 2 9 ${gate.connection}\n`), "2 refuse\n");
  assertEquals(
    gate.say(`check 3 ${LISTENER} 9999\ncheck 4 ${LISTENER} 0\n`),
    "3 refuse\n4 refuse\n",
  );
  const whys = gate.events.map((body) => body.event === "clientRefused" && body.why);
  assertEquals(whys[0], "who it is cannot be known: pidfd_getfd: EBADF");
  assertEquals(gate.events.length, 2);
  gate.close();
});

Deno.test("Gate answers nothing to what it does not understand, and goes on", () => {
  using gate = makeGate(Deno.pid);
  const lines = [
    "",
    "check",
    "check 1 2",
    "check a b c",
    `check 1 ${LISTENER} -1`,
    `check 1 ${LISTENER} 1 1`,
    `check 99999999999 ${LISTENER} ${gate.connection}`,
    "refused 4 connections",
    "refused 4 connections x",
    "refused 4 pizzas 3",
    "refused 9 connections 3",
    "x".repeat(5000),
  ];
  for (const line of lines) assertEquals(gate.say(`${line}\n`), "", line.slice(0, 40));
  assertEquals(gate.events, []);
  assertEquals(gate.say(`check 1 ${LISTENER} ${gate.connection}\n`), "1 admit\n");
  gate.close();
});

Deno.test("Gate tells of ten refusals a second one by one, and counts the rest", () => {
  // No process has this pid (PID_MAX_LIMIT): a stranger connects.
  using gate = makeGate(2 ** 22);
  const ask = (count: number) => {
    for (let id = 0; id < count; id++) {
      assertEquals(gate.say(`check ${id} ${LISTENER} ${gate.connection}\n`), `${id} refuse\n`);
    }
  };
  ask(10);
  const common = { event: "clientRefused", channel: "door", why: "it is no declared client" };
  const stranger = { process: null, peerPid: Deno.pid, peerUid: Deno.uid()! };
  assertEquals(gate.events, Array(10).fill({ ...common, ...stranger }));
  ask(7);
  assertEquals(gate.events.length, 10);
  gate.pass(1e9);
  ask(11);
  const counted = (count: number) => ({
    event: "connectionsRefused",
    channel: "door",
    process: "server",
    instance: 1,
    count,
    why: "no declared clients, too many to be named one by one",
  });
  assertEquals(gate.events[10], counted(7) as EventBody);
  assertEquals(gate.events.length, 10 + 1 + 10);
  gate.close();
  assertEquals(gate.events.at(-1), counted(1) as EventBody);
});

Deno.test("Gate records what a server has closed at once", () => {
  using gate = makeGate(Deno.pid);
  assertEquals(gate.say(`refused ${LISTENER} connections 12\n`), "");
  assertEquals(gate.events, [{
    event: "connectionsRefused",
    channel: "door",
    process: "server",
    instance: 1,
    count: 12,
    why: "as many as 5 were open or waited for the program",
  }]);
  gate.close();
});
