/**
 * Processes on one mailbox for a test: started with its descriptors, killed, and told apart by what
 * they say. Plays the supervisor's part in the memory.
 */
import {
  consumerEnded,
  consumerStarts,
  producerEnded,
  producerStarts,
} from "../../../src/channel/mailbox/attendance.ts";
import { BELL, CONSUMER_BELL, type MailboxShape } from "../../../src/channel/mailbox/layout.ts";
import { MappedWords } from "../../../src/child/mailbox/shared_words.ts";
import type { Waiting } from "../../../src/child/mailbox/spinning.ts";
import { openFutex, reopenReadOnly, wordPointer } from "../../../src/os/futex.ts";
import { closeFd, createPipe, openNull, readFd } from "../../../src/os/pipe.ts";
import { shapeWith, sharedMailbox } from "../../support/mailbox_memory.ts";
import { ended, mustSpawn, until } from "../support/harness.ts";
import type { MemberTask } from "./programs/member.ts";

const PROGRAM = new URL("./programs/member.ts", import.meta.url).pathname;

/** A line that a member said. */
export type Line = Record<string, unknown>;

/** A member that was started. */
export interface Member {
  readonly pid: number;
  readonly pidfd: number;
  readonly outputFd: number;
  readonly role: MemberTask["role"];
  readonly number: number;
  text: string;
}

/** Starts a member with these descriptors from 4 up. */
export function startMember(task: MemberTask, descriptors: readonly number[]): Member {
  const { readFd: outputFd, writeFd } = createPipe();
  const nullFd = openNull();
  const executable = Deno.execPath();
  const { pid, pidfd } = mustSpawn({
    executable,
    argv: [executable, "run", "-A", "--no-check", "--cached-only", PROGRAM, JSON.stringify(task)],
    cwd: "/",
    env: [["HOME", Deno.env.get("HOME") ?? "/"], ["PATH", "/usr/bin:/bin"]],
    umask: 0o022,
    descriptors: [
      { fd: 0, source: nullFd },
      { fd: 1, source: writeFd },
      { fd: 2, source: 2 },
      ...descriptors.map((source, at) => ({ fd: 4 + at, source })),
    ],
  });
  closeFd(writeFd);
  closeFd(nullFd);
  return { pid, pidfd, outputFd, role: task.role, number: task.number, text: "" };
}

/** Waits for a member's end; what it has said. */
export async function endOf(member: Member, watchdogMs = 120_000): Promise<Line[]> {
  const buffer = new Uint8Array(65_536);
  const decoder = new TextDecoder();
  await ended(member, watchdogMs);
  for (;;) {
    const count = readFd(member.outputFd, buffer);
    if (count === 0 || count === "would-block") break;
    member.text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  closeFd(member.outputFd);
  // The last line of one that was killed may be cut off.
  const lines = member.text.split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Line);
}

/** One mailbox and its members. */
export class MailboxCrew implements AsyncDisposable {
  readonly #shape: MailboxShape;
  readonly #memory: ReturnType<typeof sharedMailbox>;
  readonly #samples: MappedWords;
  readonly #consumers: readonly MappedWords[];
  readonly #readOnly: number;
  readonly #futex = openFutex();
  readonly #living = new Set<Member>();

  constructor(shape: MailboxShape) {
    this.#shape = shape;
    this.#memory = sharedMailbox(shape);
    this.#samples = new MappedWords(this.#memory.samples.buffer);
    this.#consumers = this.#memory.consumers.map(({ buffer }) => new MappedWords(buffer));
    this.#readOnly = reopenReadOnly(this.#memory.samples.fd);
  }

  /** Starts a producer or a consumer. */
  start(role: "producer" | "consumer", changes: Partial<MemberTask>): Member {
    const task: MemberTask = {
      role,
      shape: this.#shape,
      number: 0,
      upTo: 0,
      batch: 1,
      blockNs: 50e6,
      waiting: "spin-then-park",
      from: "newest",
      async: false,
      ...changes,
    };
    const pages = this.#memory.consumers.map(({ fd }) => fd);
    if (role === "producer") producerStarts(this.#samples);
    else consumerStarts(this.#consumers[task.number]!);
    const descriptors = role === "producer"
      ? [this.#memory.samples.fd, ...pages]
      : [this.#readOnly, pages[task.number]!];
    const member = startMember(task, descriptors);
    this.#living.add(member);
    return member;
  }

  /** Waits until a consumer has taken up its link: its epoch is in its page. */
  async started(member: Member): Promise<void> {
    const page = this.#consumers[member.number]!;
    await until("the consumer's start", () => page.load(76 / 4) === page.load(196 / 4));
  }

  /** Waits for a member's end; does what the supervisor does then. */
  async ended(member: Member): Promise<Line[]> {
    const lines = await endOf(member);
    this.#living.delete(member);
    const { wake } = this.#futex;
    if (member.role === "producer") {
      const bell = wordPointer(this.#memory.samples.buffer, BELL * 4);
      producerEnded(this.#samples, false, () => wake(bell));
    } else {
      const { buffer } = this.#memory.consumers[member.number]!;
      const bell = wordPointer(buffer, CONSUMER_BELL * 4);
      consumerEnded(this.#consumers[member.number]!, () => wake(bell));
    }
    return lines;
  }

  /** Kills a member. */
  kill(member: Member): Promise<Line[]> {
    Deno.kill(member.pid, "SIGKILL");
    return this.ended(member);
  }

  /** No producer will follow. */
  end(): void {
    const bell = wordPointer(this.#memory.samples.buffer, BELL * 4);
    producerEnded(this.#samples, true, () => this.#futex.wake(bell));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#living) await this.kill(member);
    for (const { fd } of [this.#memory.samples, ...this.#memory.consumers]) closeFd(fd);
    closeFd(this.#readOnly);
  }
}

/** What is to be killed how often. */
export interface KillOptions {
  readonly shape: MailboxShape;
  readonly kills: number;
  /** Goes on with killing until so many were checked, at most ten times as often. @default 0 */
  readonly samples?: number;
  /** From one to the next at least; a process takes some 80 ms to come up. */
  readonly pauseMs: number;
  readonly seed: number;
}

/** Kills a member at a time and starts it again; every sample that was read is checked. */
export async function killRounds({ shape, kills, samples = 0, pauseMs, seed }: KillOptions) {
  await using crew = new MailboxCrew(shape);
  let state = seed;
  const random = (below: number) => {
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
    return (state >>> 16) % below;
  };
  const start = (at: number) =>
    at === 0
      ? crew.start("producer", { upTo: Number.MAX_SAFE_INTEGER, batch: 1 + random(4) })
      : crew.start("consumer", { number: at - 1, from: random(2) === 0 ? "resume" : "newest" });
  const members = [0, 1, 2].map(start);
  const wrong: unknown[] = [];
  let received = 0;
  const note = (lines: readonly Line[]) => {
    wrong.push(...lines.filter((line) => "wrong" in line || line.kind === "corrupt"));
    const sum = lines.findLast((line) => "received" in line);
    received += (sum?.received as number | undefined) ?? 0;
  };
  let kill = 0;
  for (; kill < kills || (received < samples && kill < 10 * kills); kill++) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs + random(60)));
    const at = random(3);
    note(await crew.kill(members[at]!));
    members[at] = start(at);
  }
  await new Promise((resolve) => setTimeout(resolve, 300));
  note(await crew.kill(members[0]!));
  crew.end();
  for (const member of members.slice(1)) {
    const lines = await crew.ended(member);
    note(lines);
    if (lines.at(-1)?.kind !== "ended") wrong.push(lines.at(-1));
  }
  return { wrong, received, kills: kill };
}

/** Round trips between two processes. */
export async function pingPong(waiting: Waiting, trips: number) {
  const shape = shapeWith({ history: "keepAll", keep: 0, slots: 4 });
  const there = sharedMailbox(shape);
  const back = sharedMailbox(shape);
  const descriptors = [there, back].flatMap(({ samples, consumers }) => [
    samples.fd,
    consumers[0]!.fd,
  ]);
  const task: MemberTask = {
    role: "echo",
    shape,
    number: 0,
    upTo: trips,
    batch: 1,
    blockNs: 0,
    waiting,
    from: "resume",
    async: false,
  };
  const echo = startMember(task, descriptors);
  const pinger = startMember({ ...task, role: "pinger" }, descriptors);
  const watchdogMs = 120_000 + trips;
  const [lines, others] = await Promise.all([endOf(pinger, watchdogMs), endOf(echo, watchdogMs)]);
  for (const fd of descriptors) closeFd(fd);
  if (others.some((line) => "wrong" in line)) throw new Error(JSON.stringify(others));
  return lines.at(-1) as { done: number; p50: number; p99: number };
}
