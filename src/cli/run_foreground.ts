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
import { SystemRefusal } from "./exit_codes.ts";
import { RUN_PROCESS, RUN_TERMINAL } from "./run_config.ts";

const FORWARDED = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
const KILL = 9;
const TERM = 15;

type Exit = Extract<ReapResult, { kind: "exited" }>;

interface Running {
  readonly pid: number;
  readonly ended: Promise<Exit>;
}

/**
 * Runs it to its end, passing signals on; a second one kills.
 *
 * @param plan A plan without `@log`'s captures in use: output goes to this terminal.
 * @param log Told what the program reports (readiness, status).
 * @returns its exit code; 128 + n when signal n ended it.
 * @throws {SystemRefusal} when something cannot be started or listened on.
 */
export async function runForeground(plan: Plan, log: (text: string) => void): Promise<number> {
  using reactor = new Reactor();
  const fds = plan.channels.map(openEnds);
  const nullFd = openNull();
  const hasTerminal = plan.processes.some(({ name }) => name === RUN_TERMINAL);
  const started = new Map<string, Running>();
  // Before anything is started that a signal to us would leave behind.
  const unlisten = forwardSignals(started);
  const notify = createPipe();
  watchReports(reactor, notify.readFd, log);
  for (const declared of plan.processes) {
    if (declared.system || declared.name === RUN_TERMINAL) continue;
    const stdin = declared.name === RUN_PROCESS && !hasTerminal ? 0 : nullFd;
    const source = (entry: DescriptorPlan) => sourceOf(entry, { fds, stdin, nullFd, notify });
    started.set(declared.name, start(reactor, declared, source, started));
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
  await endOthers(plan, started);
  await terminal;
  unlisten();
  reactor.unwatch(notify.readFd);
  closeFd(notify.readFd);
  removePaths(plan);
  if (reason.kind === "code") return reason.code;
  return 128 + (reason.kind === "spawnFailed" ? 0 : signalNumber(reason.signal) ?? 0);
}

/** Descriptors of a channel by the end that a process of the plan names. */
type Ends = Partial<Record<Extract<DescriptorPlan, { kind: "channel" }>["end"], number>>;

function openEnds(channel: ChannelPlan): Ends {
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
        return { accept: listenUnix(address.path, backlog) };
      }
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
  const ended = new Promise<Exit>((resolve) => {
    reactor.watch(pidfd, () => {
      const found = reap(pid);
      if (found.kind === "running") return;
      reactor.unwatch(pidfd);
      closeFd(pidfd);
      resolve(found);
    });
  });
  return { pid, ended };
}

/** Each is in a session of its own, where the keys of this terminal do not reach. */
function forwardSignals(started: ReadonlyMap<string, Running>): () => void {
  let count = 0;
  const listeners = FORWARDED.map((signal) => {
    const listener = () => {
      if (count++ === 0) sendSignal(-started.get(RUN_PROCESS)!.pid, signalNumber(signal)!);
      else for (const { pid } of started.values()) sendSignal(-pid, KILL);
    };
    Deno.addSignalListener(signal, listener);
    return () => Deno.removeSignalListener(signal, listener);
  });
  return () => listeners.forEach((remove) => remove());
}

/** The process at the other side of one of the program's ports. */
function otherOf(plan: Plan, channel: ChannelPlan): string | null {
  if (channel.kind !== "pipe" && channel.kind !== "pair") return null;
  const names = [channel.from, channel.to].map(({ processes }) =>
    plan.processes[processes[0]!]!.name
  );
  return names.find((name) => name !== RUN_PROCESS) ?? null;
}

/**
 * Who wrote to the program has nobody left, nor has who shares datagrams with it, which have no
 * end; who reads from it is given time to finish.
 */
async function endOthers(plan: Plan, started: ReadonlyMap<string, Running>): Promise<void> {
  for (const channel of plan.channels) {
    const other = started.get(otherOf(plan, channel) ?? "");
    if (other === undefined) continue;
    const seesEnd = channel.kind === "pair"
      ? channel.type !== "datagram"
      : channel.kind === "pipe" && plan.processes[channel.from.processes[0]!]!.name === RUN_PROCESS;
    if (!seesEnd) sendSignal(-other.pid, TERM);
  }
  await Promise.all([...started.values()].map(({ ended }) => ended));
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

function removePaths(plan: Plan): void {
  for (const channel of plan.channels) {
    if (channel.kind !== "listen" || channel.address.kind !== "unix") continue;
    try {
      Deno.removeSync(channel.address.path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}
