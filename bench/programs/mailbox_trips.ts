/**
 * One side of the mailbox round trips, `ping` or `echo` (first argument). The second is a list of
 * rounds as JSON, `{ name, mode, trips }`: each has a mailbox there and one back, of which the ports
 * are `NAME_out` and `NAME_in`. Last comes the same over a socket pair, `bare`, by node:net alone.
 * `ping` writes to the file of its third argument, by name, the nanoseconds of each trip: from one
 * answer to the next, so that nothing of a trip is left out.
 */
import net from "node:net";
import { links, mailboxConsumer, mailboxProducer } from "../../src/child/mod.ts";

/** What is measured one after the other. */
export interface Round {
  readonly name: string;
  readonly mode: "blocking" | "async";
  readonly trips: number;
  /** Bytes that are written and read; the rest of a sample is lent and left alone. */
  readonly touched: number;
}

const WARM_UP = 2000;
const BARE_TRIPS = 10_000;
const [role, rounds, file] = Deno.args as [string, string, string];
const isPing = role === "ping";
const times: Record<string, number[]> = {};

for (const round of JSON.parse(rounds) as Round[]) {
  times[round.name] = round.mode === "async" ? await asyncTrips(round) : blockingTrips(round);
}
times["bare"] = await bareTrips();
if (isPing) Deno.writeTextFileSync(file, JSON.stringify(times));
Deno.exit(0);

function open({ name }: Round) {
  const into = mailboxConsumer(`${name}_in`);
  const out = mailboxProducer(`${name}_out`);
  return { into, out };
}

function blockingTrips(round: Round): number[] {
  const { into, out } = open(round);
  const found: number[] = [];
  let last = 0;
  for (let trip = 0; trip < WARM_UP + round.trips; trip++) {
    if (isPing) send(out, round, trip);
    const answer = into.receive();
    if (answer.kind !== "sample") throw new Error(`${round.name}: ${answer.kind}`);
    check(answer.bytes, round, trip);
    if (trip >= WARM_UP) found.push(answer.receivedNs - last);
    last = answer.receivedNs;
    answer.release();
    if (!isPing) send(out, round, trip);
  }
  return found;
}

async function asyncTrips(round: Round): Promise<number[]> {
  const { into, out } = open(round);
  const found: number[] = [];
  let last = 0;
  for (let trip = 0; trip < WARM_UP + round.trips; trip++) {
    if (isPing) send(out, round, trip);
    const answer = await into.next();
    if (answer.kind !== "sample") throw new Error(`${round.name}: ${answer.kind}`);
    check(answer.bytes, round, trip);
    if (trip >= WARM_UP) found.push(answer.receivedNs - last);
    last = answer.receivedNs;
    answer.release();
    if (!isPing) send(out, round, trip);
  }
  into.close();
  return found;
}

function send(out: ReturnType<typeof open>["out"], { touched }: Round, trip: number): void {
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

/** 64 bytes over the socket pair. */
async function bareTrips(): Promise<number[]> {
  const { fd } = links().find(({ port }) => port === "bare")!;
  const socket = new net.Socket({ fd, readable: true, writable: true });
  const message = new Uint8Array(64).fill(7);
  const found: number[] = [];
  let missing = 64;
  let done = () => {};
  socket.on("data", (chunk: Uint8Array) => {
    if ((missing -= chunk.length) > 0) return;
    missing = 64;
    done();
  });
  let last = 0;
  for (let trip = 0; trip < WARM_UP + BARE_TRIPS; trip++) {
    const answered = new Promise<void>((resolve) => done = resolve);
    if (isPing) socket.write(message);
    await answered;
    const now = performance.now() * 1e6;
    if (trip >= WARM_UP) found.push(now - last);
    last = now;
    if (!isPing) socket.write(message);
  }
  return found;
}
