/**
 * Checks pipes: which keys need messages to be told apart, and whether amounts leave room for
 * one. Must not know: ports in general (`check_channels.ts`), what this machine allows.
 */
import type {
  Config,
  ConfigIssue,
  PipeConfig,
  QueueConfig,
  RelayConfig,
  Size,
  StallActionConfig,
  StallConfig,
} from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { isProcess } from "./names.ts";
import { consumersOf, producersOf } from "./pipe_ends.ts";
import { SUSPENDING_SIGNALS } from "./signals.ts";
import { parseSizeBytes } from "./units.ts";

/** Keys that mean nothing where there are bytes and no messages. */
const FRAMED_KEYS = [
  ...["maxMessage", "onMalformed", "overflow", "highWater", "lifespan", "rate"],
  ...["deadline", "latency", "liveliness"],
];
const ADD_FRAMING = 'add framing: "lines", "ndjson" or "frames"';

/**
 * Checks one pipe.
 *
 * @param config A configuration of the right shape.
 * @param channel The pipe.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkPipe(config: Config, channel: PipeConfig, path: IssuePath): ConfigIssue[] {
  const issues = [
    ...checkFeed(channel, path),
    ...checkStall(channel.stall, channel.framing !== undefined, [...path, "stall"]),
  ];
  if (channel.framing === undefined) return [...issues, ...checkDirect(channel, path)];
  return [
    ...issues,
    ...checkReplicas(config, channel, path),
    ...checkRate(channel, path),
    ...checkQueue(channel, channel, path),
    ...consumersOf(channel).flatMap(({ own, key }) =>
      checkQueue(own, channel, [...path, ...key.slice(0, 2)])
    ),
  ];
}

/** A process that feeds itself waits for itself as soon as its pipe is full. */
function checkFeed(channel: PipeConfig, path: IssuePath): ConfigIssue[] {
  const feeders = new Set(producersOf(channel).map(({ text }) => parseEndpoint(text)?.process));
  return consumersOf(channel).flatMap(({ text, key }) => {
    const process = parseEndpoint(text)?.process;
    if (process === undefined || !feeders.has(process)) return [];
    return [errorAt(
      [...path, ...key],
      `"${process}" would feed itself, and wait for itself when the pipe is full`,
      "wire it to another process",
    )];
  });
}

function checkDirect(channel: PipeConfig, path: IssuePath): ConfigIssue[] {
  const issues: ConfigIssue[] = [];
  for (const side of ["from", "to"] as const) {
    if (typeof channel[side] === "string") continue;
    issues.push(errorAt(
      [...path, side],
      `${show(side)} can be a list only where messages are told apart: a pipe carries bytes, ` +
        "and programs write them in blocks that end anywhere",
      ADD_FRAMING,
    ));
  }
  for (const key of FRAMED_KEYS) {
    if (!Object.hasOwn(channel, key)) continue;
    issues.push(errorAt(
      [...path, key],
      `${show(key)} is about messages, and a pipe without "framing" carries bytes`,
      `${ADD_FRAMING}, or remove it`,
    ));
  }
  return issues;
}

function checkReplicas(config: Config, channel: PipeConfig, path: IssuePath): ConfigIssue[] {
  return consumersOf(channel).flatMap(({ text, key }) => {
    const name = parseEndpoint(text)?.process;
    if (name === undefined || !isProcess(config, name)) return [];
    const replicas = config.processes[name]!.replicas ?? DEFAULTS.replicas;
    if (replicas === 1) return [];
    return [errorAt(
      [...path, ...key],
      `"${name}" has ${replicas} replicas, and with "framing" each consumer gets every message`,
      "declare its processes one by one, or leave framing out: replicas share a direct pipe",
    )];
  });
}

function checkRate(channel: RelayConfig, path: IssuePath): ConfigIssue[] {
  const { rate } = channel;
  if (rate === undefined) return [];
  const at = [...path, "rate"];
  if (rate.messages === undefined && rate.bytes === undefined) {
    return [errorAt(at, '"rate" must have one of "messages" and "bytes"', "remove it")];
  }
  const issues: ConfigIssue[] = [];
  for (const key of ["messages", "bytes"] as const) {
    if (rate.burst?.[key] === undefined || rate[key] !== undefined) continue;
    issues.push(errorAt(
      [...at, "burst", key],
      `there is no rate of ${key} that this could be a burst of`,
      `add ${key} to rate, or remove it`,
    ));
  }
  const burst = rate.burst?.bytes;
  if (burst !== undefined && rate.bytes !== undefined) {
    issues.push(...checkRoom(burst, channel, [...at, "burst", "bytes"]));
  }
  return issues;
}

function checkQueue(queue: QueueConfig, channel: RelayConfig, path: IssuePath): ConfigIssue[] {
  const { highWater } = queue;
  if (highWater === undefined) return [];
  const at = [...path, "highWater"];
  if (highWater.messages === undefined && highWater.bytes === undefined) {
    return [errorAt(at, '"highWater" must have one of "messages" and "bytes"', "remove it")];
  }
  return highWater.bytes === undefined ? [] : checkRoom(highWater.bytes, channel, [...at, "bytes"]);
}

/** An amount that a largest message does not fit into would never let one through. */
function checkRoom(amount: Size, channel: RelayConfig, path: IssuePath): ConfigIssue[] {
  const largest = channel.maxMessage ?? DEFAULTS.relay.maxMessage;
  if (parseSizeBytes(amount) >= parseSizeBytes(largest)) return [];
  const given = channel.maxMessage === undefined ? "maxMessage (by default)" : "maxMessage";
  return [errorAt(
    path,
    `"bytes" must have room for one largest message: ${given} is "${largest}", is "${amount}"`,
    `at least "${largest}", or a smaller maxMessage`,
  )];
}

function checkStall(
  stall: StallConfig | undefined,
  framed: boolean,
  path: IssuePath,
): ConfigIssue[] {
  if (stall === undefined) return [];
  const { action } = stall;
  if (!isList(action)) return checkAction(action, framed, [...path, "action"]);
  const issues: ConfigIssue[] = [];
  const seen = new Set<string>();
  for (const [index, each] of action.entries()) {
    const at = [...path, "action", index];
    issues.push(...checkAction(each, framed, at));
    const text = JSON.stringify(each);
    if (seen.has(text)) issues.push(errorAt(at, `${text} is listed twice`, "remove it"));
    seen.add(text);
  }
  const overflows = action.filter((each) => typeof each !== "string" && each.overflow);
  if (new Set(overflows.map((each) => JSON.stringify(each))).size > 1) {
    issues.push(errorAt(
      [...path, "action"],
      "overflow can be handled in one way at a time",
      'leave one action with "overflow"',
    ));
  }
  return issues;
}

function checkAction(action: StallActionConfig, framed: boolean, path: IssuePath): ConfigIssue[] {
  if (typeof action === "string") return [];
  const { signal, overflow } = action;
  if ((signal === undefined) === (overflow === undefined)) {
    return [errorAt(
      path,
      'an action that is an object must have one of "signal" and "overflow"',
      'two actions are a list: [{ signal: "SIGUSR2" }, { overflow: "drop-oldest" }]',
    )];
  }
  if (signal !== undefined && SUSPENDING_SIGNALS.includes(signal)) {
    return [errorAt(
      [...path, "signal"],
      `${signal} suspends a process, and this one is too slow already`,
      'use "SIGUSR2" or another that the program handles',
    )];
  }
  if (overflow === undefined || framed) return [];
  return [errorAt(
    [...path, "overflow"],
    '"overflow" is about messages, and a pipe without "framing" carries bytes',
    `${ADD_FRAMING}, or use another action`,
  )];
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
