/**
 * Runs a plan of one program in the foreground, without a supervisor: the program has this
 * terminal's streams, its ports lead to what `cox run` was told. Owns the processes until all
 * have ended. Must not know: restarts; nothing of it outlives this command but by a `kill -9`.
 */
import process from "node:process";
import { Socket } from "node:net";
import { closeFd, createPipe, openNull, readFd } from "../os/pipe.ts";
import { Reactor } from "../os/reactor.ts";
import { sendSignal, signalNumber } from "../os/signals.ts";
import { createSocketPair, listenTcp, listenUnix } from "../os/socket.ts";
import type { ChannelPlan, DescriptorPlan, Plan, ProcessPlan } from "../plan/plan.ts";
import { reap, type ReapResult } from "../process/reap.ts";
import { spawnProcess } from "../process/spawn.ts";
import { EXIT, SystemRefusal } from "./exit_codes.ts";
import { RUN_FILE, RUN_PROCESS, RUN_STDIN, RUN_TERMINAL } from "./run_config.ts";
import { RunMailboxes } from "./run_mailboxes.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const KILL = 9;
const TERM = 15;

type Exit = Extract<ReapResult, { kind: "exited" }>;

interface Running {
  readonly pid: number;
  readonly ended: Promise<Exit>;
  /** null: it has not ended. */
  exit: Exit | null;
}

/**
 * Runs it to its end, passing signals on; a second one kills.
 *
 * @param plan A plan without `@log`'s captures in use: output goes to this terminal.
 * @param log Told what the program reports (readiness, status).
 * @returns its exit code, 128 + n when signal n ended it; that of a program of ours at a mailbox
 *   where that has failed: a line was no sample, or could not be written.
 * @throws {SystemRefusal} when something cannot be started or listened on, one of ours was killed, or
 *   a file could not be read or written to its end.
 */
export async function runForeground(plan: Plan, log: (text: string) => void): Promise<number> {
  using reactor = new Reactor();
  using paths = new BoundPaths();
  const fds = plan.channels.map((channel) => openEnds(channel, paths));
  using mailboxes = new RunMailboxes(plan, log);
  const nullFd = openNull();
  const started = new Map<string, Running>();
  // Before anything is started that a signal to us would leave behind.
  const told = new Set<string>();
  const unlisten = forwardSignals(started, told);
  const notify = createPipe();
  watchReports(reactor, notify.readFd, log);
  const reader = stdinReader(plan);
  const tellers = new Set(mailboxPeers(plan, "to"));
  for (const [index, declared] of plan.processes.entries()) {
    const { name, system } = declared;
    if (system || name === RUN_TERMINAL) continue;
    const known = { fds, stdin: name === reader ? 0 : nullFd, nullFd, notify };
    using parts = new Parts(mailboxes);
    const source = (entry: DescriptorPlan) =>
      entry.kind === "mailbox" ? parts.open(entry) : sourceOf(entry, known);
    const running = start(reactor, declared, source, started);
    started.set(name, running);
    running.ended.then(() => {
      mailboxes.ended(index);
      // As who writes to a pipe that nobody reads any more; a mailbox has no sign for that.
      const isRunning = started.get(RUN_PROCESS)?.exit === null;
      if (isRunning && tellers.has(name)) tellToEnd(started, RUN_PROCESS, TERM, told);
    });
  }
  for (const fd of [nullFd, notify.writeFd]) closeFd(fd);
  let terminal: Promise<void> | null = null;
  for (const [at, ends] of fds.entries()) {
    const { second, ...others } = ends;
    for (const fd of Object.values(others)) closeFd(fd);
    if (second === undefined) continue;
    if (otherOf(plan, plan.channels[at]!) === RUN_TERMINAL) terminal = joinTerminal(second);
    else closeFd(second);
  }
  const program = started.get(RUN_PROCESS)!;
  const { reason } = await program.ended;
  sendSignal(-program.pid, KILL);
  await endOthers(plan, started, told);
  await terminal;
  unlisten();
  reactor.unwatch(notify.readFd);
  closeFd(notify.readFd);
  const failed = codeOfPeers(plan, started, told);
  if (failed !== 0) return failed;
  checkFiles(plan, started);
  if (reason.kind === "code") return reason.code;
  return 128 + (reason.kind === "spawnFailed" ? 0 : signalNumber(reason.signal) ?? 0);
}

/** Who reads our stdin itself; null: what it brings is written to the program's port. */
function stdinReader({ processes }: Plan): string | null {
  const has = (wanted: string) => processes.some(({ name }) => name === wanted);
  if (has(RUN_TERMINAL)) return null;
  return has(RUN_STDIN) ? RUN_STDIN : RUN_PROCESS;
}

/** Descriptors of mailboxes for one process. */
class Parts implements Disposable {
  readonly #mailboxes: RunMailboxes;
  readonly #fds: number[] = [];

  constructor(mailboxes: RunMailboxes) {
    this.#mailboxes = mailboxes;
  }

  open(part: Extract<DescriptorPlan, { kind: "mailbox" }>): number {
    const fd = this.#mailboxes.openPart(part);
    this.#fds.push(fd);
    return fd;
  }

  [Symbol.dispose](): void {
    this.#fds.forEach(closeFd);
  }
}

/** Descriptors of a channel by the end that a process of the plan names. */
type Ends = Partial<Record<Extract<DescriptorPlan, { kind: "channel" }>["end"], number>>;

function openEnds(channel: ChannelPlan, paths: BoundPaths): Ends {
  try {
    switch (channel.kind) {
      case "pipe": {
        const { readFd, writeFd } = createPipe();
        return { read: readFd, write: writeFd };
      }
      case "pair": {
        const [first, second] = createSocketPair(channel.type);
        return { first, second };
      }
      case "listen": {
        const { address, backlog } = channel;
        if (address.kind === "tcp") {
          return { accept: listenTcp(address.host, address.port, backlog) };
        }
        const accept = listenUnix(address.path, backlog);
        paths.add(address.path);
        return { accept };
      }
      case "mailbox":
        // It has parts, which are opened for each process.
        return {};
      default:
        throw new Error(`cox run makes no channel of kind "${channel.kind}"`);
    }
  } catch (error) {
    throw new SystemRefusal(`Cannot make "${channel.name}": ${(error as Error).message}`);
  }
}

function sourceOf(
  entry: DescriptorPlan,
  known: { fds: readonly Ends[]; stdin: number; nullFd: number; notify: { writeFd: number } },
): number {
  switch (entry.kind) {
    case "null":
      return entry.fd === 0 ? known.stdin : known.nullFd;
    case "log":
      return entry.stream === "stdout" ? 1 : 2;
    case "notify":
      return known.notify.writeFd;
    case "channel":
      return known.fds[entry.channel]![entry.end]!;
    default:
      throw new Error(`cox run gives no descriptor of kind "${entry.kind}"`);
  }
}

function start(
  reactor: Reactor,
  { name, kind, executable, argv, cwd, env, umask, descriptors: wanted }: ProcessPlan,
  source: (entry: DescriptorPlan) => number,
  started: ReadonlyMap<string, Running>,
): Running {
  const descriptors = wanted.map((entry) => ({ fd: entry.fd, source: source(entry) }));
  const noDebugger = kind === "deno";
  const result = spawnProcess({ executable, argv, cwd, env, umask, descriptors, noDebugger });
  if (result.kind === "failed") {
    for (const { pid } of started.values()) sendSignal(-pid, KILL);
    throw new SystemRefusal(`Cannot start ${name}: ${result.errno} on ${result.path}`);
  }
  const { pid, pidfd } = result;
  const { promise, resolve } = Promise.withResolvers<Exit>();
  const running: Running = { pid, ended: promise, exit: null };
  reactor.watch(pidfd, () => {
    const found = reap(pid);
    if (found.kind === "running") return;
    reactor.unwatch(pidfd);
    closeFd(pidfd);
    running.exit = found;
    resolve(found);
  });
  return running;
}

/** Each is in a session of its own, where the keys of this terminal do not reach. */
function forwardSignals(started: ReadonlyMap<string, Running>, told: Set<string>): () => void {
  let count = 0;
  const listeners = FORWARDED.map((signal) => {
    const listener = () => {
      if (count++ === 0) sendSignal(-started.get(RUN_PROCESS)!.pid, signalNumber(signal)!);
      else for (const name of started.keys()) tellToEnd(started, name, KILL, told);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}

/** The process at the other side of one of the program's ports. */
function otherOf(plan: Plan, channel: ChannelPlan): string | null {
  if (channel.kind === "listen") return null;
  const names = [channel.from, channel.to].map(({ processes }) =>
    plan.processes[processes[0]!]!.name
  );
  return names.find((name) => name !== RUN_PROCESS) ?? null;
}

/** The names of our own programs at mailboxes: those that feed it (`from`), those that tell (`to`). */
function mailboxPeers({ channels, processes }: Plan, side: "from" | "to"): string[] {
  return channels.filter(({ kind }) => kind === "mailbox")
    .map((channel) => processes[channel[side].processes[0]!]!.name)
    .filter((name) => name !== RUN_PROCESS);
}

/**
 * Who wrote to the program has nobody left, nor has who shares datagrams with it, which have no
 * end; who reads from it is given time to finish.
 */
async function endOthers(
  plan: Plan,
  started: ReadonlyMap<string, Running>,
  told: Set<string>,
): Promise<void> {
  const finishing = finishingBehind(plan);
  for (const name of started.keys()) {
    if (!finishing.has(name)) tellToEnd(started, name, TERM, told);
  }
  await Promise.all([...started.values()].map(({ ended }) => ended));
}

/** Whoever has ended by itself is not told. */
function tellToEnd(
  started: ReadonlyMap<string, Running>,
  name: string,
  signal: number,
  told: Set<string>,
): void {
  const { pid, exit } = started.get(name)!;
  if (exit === null) told.add(name);
  sendSignal(-pid, signal);
}

/** Who sees the end of the program, or that of one who does. */
function finishingBehind({ channels, processes }: Plan): ReadonlySet<string> {
  const found = new Set([RUN_PROCESS]);
  // The lines of a mailbox are declared behind it.
  for (const channel of channels) {
    const [from, to] = [channel.from, channel.to].map((end) =>
      processes[end.processes[0] ?? -1]?.name ?? ""
    );
    const isPair = channel.kind === "pair";
    if (isPair && channel.type === "datagram") continue;
    if (found.has(from!)) found.add(to!);
    else if (isPair && found.has(to!)) found.add(from!);
  }
  return found;
}

/**
 * What has become of our own programs at mailboxes, by themselves.
 *
 * @param told Those that were told to end.
 * @returns an exit code, of which the program itself has said why; 0: they did what they are for.
 * @throws {SystemRefusal} when somebody else has ended one.
 */
function codeOfPeers(
  plan: Plan,
  started: ReadonlyMap<string, Running>,
  told: ReadonlySet<string>,
): number {
  for (const name of [...mailboxPeers(plan, "from"), ...mailboxPeers(plan, "to")]) {
    const reason = started.get(name)?.exit?.reason;
    if (reason === undefined || told.has(name)) continue;
    if (reason.kind !== "code") {
      throw new SystemRefusal(`The program's samples are not complete: ${name} was killed`);
    }
    if (reason.code === 0) continue;
    return reason.code === EXIT.user || reason.code === EXIT.refused ? reason.code : EXIT.bug;
  }
  return 0;
}

/**
 * Looks how those that read and write files have ended; one that has failed has said why. A signal
 * is no failure: it was told to end, or nobody took what it read any more.
 *
 * @throws {SystemRefusal} when one has failed.
 */
function checkFiles(
  { channels, processes }: Plan,
  started: ReadonlyMap<string, Running>,
): void {
  for (const [index, { name, argv }] of processes.entries()) {
    const reason = started.get(name)?.exit?.reason;
    if (!name.startsWith(RUN_FILE) || reason?.kind !== "code" || reason.code === 0) continue;
    const reads = channels.some(({ from }) => from.processes.includes(index));
    throw new SystemRefusal(`Not all of ${argv.at(-1)} was ${reads ? "read" : "written"}`);
  }
}

/** The other side of a port that is this terminal. @returns when the program has said all. */
async function joinTerminal(fd: number): Promise<void> {
  const socket = new Socket({ fd, readable: true, writable: true, allowHalfOpen: true });
  socket.on("error", () => {});
  // The end of stdin ends what the program reads, and not what it writes.
  process.stdin.pipe(socket);
  for await (const bytes of socket as AsyncIterable<Uint8Array>) {
    for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
  }
  process.stdin.unpipe(socket);
  socket.destroy();
}

function watchReports(reactor: Reactor, fd: number, log: (text: string) => void): void {
  const buffer = new Uint8Array(4096);
  reactor.watch(fd, () => {
    const count = readFd(fd, buffer);
    if (typeof count !== "number") return;
    if (count === 0) return reactor.unwatch(fd);
    const text = new TextDecoder().decode(buffer.subarray(0, count)).trimEnd();
    log(`the program says ${text.replaceAll("\n", " ")}`);
  });
}

/** The paths of sockets that were made; they go with the run, however it ends. */
class BoundPaths implements Disposable {
  readonly #paths: string[] = [];

  add(path: string): void {
    this.#paths.push(path);
  }

  [Symbol.dispose](): void {
    for (const path of this.#paths) {
      try {
        Deno.removeSync(path);
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
}
