/**
 * One side of the mailbox round trips, `ping` or `echo` (first argument). The second is a list of
 * rounds as JSON, `{ name, mode, trips }`: each name has a mailbox there and one back, of which the
 * ports are `NAME_out` and `NAME_in`; in mode `bare` it is a socket pair of that name, by node:net
 * alone. A name that comes again goes on: so two can take turns.
 * `ping` writes to the file of its third argument, by name, the nanoseconds of each trip: from one
 * answer to the next, so that nothing of a trip is left out.
 */
import net from "node:net";
import { links, mailboxConsumer, mailboxProducer } from "../../src/child/mod.ts";

/** What is measured one after the other. */
export interface Round {
  readonly name: string;
  readonly mode: "blocking" | "async" | "bare";
  readonly trips: number;
  /** Bytes that are written and read; the rest of a sample is lent and left alone. */
  readonly touched: number;
}

const WARM_UP = 2000;
/** Of a name that comes again. */
const WARM_UP_AGAIN = 100;
const [role, rounds, file] = Deno.args as [string, string, string];
const isPing = role === "ping";
const times: Record<string, number[]> = {};

const run = { blocking: blockingTrips, async: asyncTrips, bare: bareTrips };
const mailboxes = new Map<string, ReturnType<typeof openMailboxes>>();
let bare: ReturnType<typeof openBare> | null = null;
for (const round of JSON.parse(rounds) as Round[]) {
  const before = times[round.name] ?? [];
  const warmUp = before.length === 0 ? WARM_UP : WARM_UP_AGAIN;
  times[round.name] = before.concat(await run[round.mode](round, warmUp));
}
if (isPing) Deno.writeTextFileSync(file, JSON.stringify(times));
Deno.exit(0);

function openMailboxes(name: string) {
  const into = mailboxConsumer(`${name}_in`);
  const out = mailboxProducer(`${name}_out`);
  return { into, out };
}

function open({ name }: Round) {
  const opened = mailboxes.get(name) ?? openMailboxes(name);
  mailboxes.set(name, opened);
  return opened;
}

function blockingTrips(round: Round, warmUp: number): number[] {
  const { into, out } = open(round);
  const found: number[] = [];
  let last = 0;
  for (let trip = 0; trip < warmUp + round.trips; trip++) {
    if (isPing) send(out, round, trip);
    const answer = into.receive();
    if (answer.kind !== "sample") throw new Error(`${round.name}: ${answer.kind}`);
    check(answer.bytes, round, trip);
    if (trip >= warmUp) found.push(answer.receivedNs - last);
    last = answer.receivedNs;
    answer.release();
    if (!isPing) send(out, round, trip);
  }
  return found;
}

async function asyncTrips(round: Round, warmUp: number): Promise<number[]> {
  const { into, out } = open(round);
  const found: number[] = [];
  let last = 0;
  for (let trip = 0; trip < warmUp + round.trips; trip++) {
    if (isPing) send(out, round, trip);
    const answer = await into.next();
    if (answer.kind !== "sample") throw new Error(`${round.name}: ${answer.kind}`);
    check(answer.bytes, round, trip);
    if (trip >= warmUp) found.push(answer.receivedNs - last);
    last = answer.receivedNs;
    answer.release();
    if (!isPing) send(out, round, trip);
  }
  return found;
}

function send(
  out: ReturnType<typeof openMailboxes>["out"],
  { touched }: Round,
  trip: number,
): void {
  const loan = out.loan();
  if (loan.kind !== "loan") throw new Error(loan.kind);
  const { bytes } = loan;
  for (let at = 0; at < touched; at += 8) bytes[at] = trip & 0xff;
  out.publish();
}

function check(bytes: Uint8Array, { name, touched }: Round, trip: number): void {
  for (let at = 0; at < touched; at += 8) {
    if (bytes[at] !== (trip & 0xff)) throw new Error(`${name}: another answer`);
  }
}

/** The socket pair, and what is called at each whole message. */
function openBare({ name }: Round) {
  const { fd } = links().find(({ port }) => port === name)!;
  const socket = new net.Socket({ fd, readable: true, writable: true });
  const ear = { done: () => {} };
  let missing = 64;
  socket.on("data", (chunk: Uint8Array) => {
    if ((missing -= chunk.length) > 0) return;
    missing = 64;
    ear.done();
  });
  return { socket, ear };
}

/** 64 bytes over the socket pair. */
async function bareTrips(round: Round, warmUp: number): Promise<number[]> {
  const { socket, ear } = bare ??= openBare(round);
  const message = new Uint8Array(64).fill(7);
  const found: number[] = [];
  let last = 0;
  for (let trip = 0; trip < warmUp + round.trips; trip++) {
    const answered = new Promise<void>((resolve) => ear.done = resolve);
    if (isPing) socket.write(message);
    await answered;
    const now = performance.now() * 1e6;
    if (trip >= warmUp) found.push(now - last);
    last = now;
    if (!isPing) socket.write(message);
  }
  return found;
}
