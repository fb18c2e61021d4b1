/**
 * Hears what instances say of themselves, over sd_notify sockets and over the notification
 * pipes of Deno children and of s6-style programs, and tells the core what counts.
 * Must not know: what readiness leads to.
 */
import type { EventBody } from "../audit/event_record.ts";
import type { CoreEvent } from "../core/event.ts";
import { closeFd } from "../os/pipe.ts";
import type { Reactor } from "../os/reactor.ts";
import { sendSignal } from "../os/signals.ts";
import type { ProcessIndex, ProcessPlan } from "../plan/plan.ts";
import { lineageMark, markWithinRun } from "../process/lineage.ts";
import { type NotifyMessage, parseNotifyMessage } from "../process/notify_message.ts";
import { NotifySocket, type ReceivedNotify } from "../process/notify_socket.ts";
import { isDescendant, processStat } from "../process/tree.ts";
import type { Instance } from "./instance.ts";
import { LineReader } from "./line_reader.ts";

/** Datagrams taken in one turn of the loop: a flood must not hold up the rest. */
const MESSAGES_PER_TURN_MAX = 64;
const LINE_BYTES_MAX = 4096;

/** The instance that is heard, and who wants to know. */
export interface NotifyContext {
  readonly process: ProcessPlan;
  readonly index: ProcessIndex;
  readonly number: number;
  readonly runId: string;
  readonly reactor: Reactor;
  readonly nowNs: () => number;
  readonly post: (event: CoreEvent) => void;
  readonly record: (body: EventBody) => void;
  /** The live instance; null before its spawn has returned. */
  readonly instance: () => Instance | null;
  /** Whoever speaks may have left something in its mailboxes. */
  readonly attendance: { look(process: ProcessIndex): void };
  /** null: no contract of the process asks for signs of life. */
  readonly watchdog: Watchdog | null;
}

/** Who hears the signs of life of one instance, and what it says of its limits. */
export interface Watchdog {
  /** WATCHDOG=1 */
  alive(): void;
  /** WATCHDOG=trigger */
  trigger(): void;
  /** WATCHDOG_USEC= */
  setLimit(limitNs: number): void;
  /** EXTEND_TIMEOUT_USEC= */
  extended(byNs: number): void;
  /** Where its notifications wait until they are heard; null: nowhere any more. */
  listensOn(fd: number | null): void;
}

/** What listens to one instance. */
export interface Listening {
  /** Hears what waits now. */
  hear(): void;
  /** Hears what still waits, then lets go. */
  close(): void;
}

/**
 * Makes the instance's sd_notify socket and listens on it.
 *
 * @param path absolute; becomes NOTIFY_SOCKET.
 * @returns whose `close` also removes the socket's file.
 * @throws {SystemError} when the socket cannot be made.
 */
export function watchNotifySocket(context: NotifyContext, path: string): Listening {
  const { uid, gid } = context.process;
  const socket = new NotifySocket(path, {
    ...(uid === null ? {} : { uid }),
    ...(gid === null ? {} : { gid }),
  });
  const hear = () => {
    for (let count = 0; count < MESSAGES_PER_TURN_MAX; count++) {
      const received = socket.receive();
      if (received === null) return;
      hearDatagram(context, received);
    }
  };
  context.reactor.watch(socket.fd, hear);
  context.watchdog?.listensOn(socket.fd);
  return {
    hear,
    close() {
      hear();
      context.watchdog?.listensOn(null);
      context.reactor.unwatch(socket.fd);
      socket.close();
    },
  };
}

/**
 * Listens on the instance's notification pipe. Only the instance was given its write end, so
 * nobody needs to be checked.
 *
 * @param readFd non-blocking; closed by the returned function.
 */
export function watchNotifyPipe(context: NotifyContext, readFd: number): Listening {
  const reader = new LineReader(readFd, LINE_BYTES_MAX);
  let watching = true;
  const hear = () => {
    if (!watching) return;
    const { lines, ended } = reader.read();
    for (const line of lines) hearLine(context, line);
    if (ended) {
      watching = false;
      context.reactor.unwatch(readFd);
    }
  };
  context.reactor.watch(readFd, hear);
  context.watchdog?.listensOn(readFd);
  return {
    hear,
    close() {
      hear();
      context.watchdog?.listensOn(null);
      if (watching) context.reactor.unwatch(readFd);
      watching = false;
      closeFd(readFd);
    },
  };
}

function hearLine(context: NotifyContext, line: string): void {
  // s6: any newline is readiness; whatever stands before it has no meaning.
  if (context.process.ready.by === "fd") return becomeReady(context);
  const message = parseNotifyMessage(line);
  hearMessage(context, message, line);
}

function hearDatagram(context: NotifyContext, received: ReceivedNotify): void {
  const { pid, uid } = received;
  const refuse = (why: string) =>
    context.record({
      event: "notifyRefused",
      process: context.process.name,
      instance: context.number,
      why,
      peerPid: pid,
      peerUid: uid,
    });
  if (received.refused !== null) return refuse(received.refused);
  if (!maySpeak(context, pid)) return refuse("the sender is no descendant of the process");
  hearMessage(context, parseNotifyMessage(received.message), received.message);
}

/**
 * A descendant may; so may a sender that has already ended (systemd-notify does at once, and
 * its line can no longer be followed): the socket's mode and place kept strangers out.
 */
function maySpeak(context: NotifyContext, sender: number): boolean {
  const instance = context.instance();
  if (instance === null) return false;
  const stat = processStat(sender);
  if (stat === null || stat.state === "Z" || stat.state === "X") return true;
  return belongsTo(context, instance, sender);
}

/**
 * A descendant, or one that has lost its line of descent, as a daemon does whose first process
 * has ended: it is known by its session or by the mark that it inherited.
 */
function belongsTo(context: NotifyContext, instance: Instance, pid: number): boolean {
  if (isDescendant(pid, instance.pid)) return true;
  if (processStat(pid)?.session === instance.pid) return true;
  const { runId, process, number } = context;
  return markWithinRun(pid, runId) === lineageMark(runId, `${process.name}#${number}`);
}

function hearMessage(context: NotifyContext, message: NotifyMessage, text: string): void {
  const { process, index, number } = context;
  const instance = context.instance();
  if (message.status !== null && instance !== null) instance.statusText = message.status;
  hearWatchdog(context.watchdog, message);
  context.attendance.look(index);
  if (isWorthRecording(message)) {
    const shown = text.trimEnd().replaceAll("\n", " ").slice(0, 512);
    context.record({ event: "notify", process: process.name, instance: number, text: shown });
  }
  for (const problem of message.malformed) {
    const says = `Process "${process.name}" sent a notification that cannot be read: ${problem}`;
    context.record({ event: "warning", message: says });
  }
  if (message.mainPid !== null) hearMainPid(context, message.mainPid);
  if (message.extendTimeoutUs !== null) {
    const byNs = message.extendTimeoutUs * 1000;
    context.post({ kind: "timeoutExtended", process: index, instance: number, byNs });
    context.watchdog?.extended(byNs);
  }
  if (message.ready) becomeReady(context);
}

function hearWatchdog(watchdog: Watchdog | null, message: NotifyMessage): void {
  if (watchdog === null) return;
  if (message.watchdogUs !== null) watchdog.setLimit(message.watchdogUs * 1000);
  if (message.watchdog === "alive") watchdog.alive();
  if (message.watchdog === "trigger") watchdog.trigger();
}

/** All but signs of life and barriers, which come by the thousand. */
function isWorthRecording(message: NotifyMessage): boolean {
  return message.ready || message.reloading || message.stopping || message.status !== null ||
    message.mainPid !== null || message.errno !== null || message.extendTimeoutUs !== null ||
    message.watchdog === "trigger";
}

function hearMainPid(context: NotifyContext, pid: number): void {
  const { process, index, number } = context;
  const instance = context.instance();
  if (instance === null || pid === instance.mainPid) return;
  const exists = sendSignal(pid, 0) === "sent";
  if (!exists || !belongsTo(context, instance, pid)) {
    context.record({
      event: "notifyRefused",
      process: process.name,
      instance: number,
      why: `MAINPID=${pid} is no descendant of the process`,
      peerPid: pid,
      peerUid: -1,
    });
    return;
  }
  instance.mainPid = pid;
  context.post({ kind: "mainPidChanged", process: index, instance: number, pid });
}

function becomeReady(context: NotifyContext): void {
  const { process, index, number } = context;
  if (process.ready.by !== "notify" && process.ready.by !== "fd") return;
  context.post({ kind: "becameReady", process: index, instance: number });
}
