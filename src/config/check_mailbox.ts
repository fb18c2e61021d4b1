/**
 * Checks mailboxes: what the keys of one mean together, and who may hold its ends. Must not know:
 * ports in general (`check_channels.ts`), how much memory the machine has.
 */
import { type MailboxShape, SEGMENT_BYTES_MAX, segmentBytes } from "../channel/mailbox/layout.ts";
import { structIssues, structLayout } from "../channel/mailbox/schema.ts";
import type { Config, ConfigIssue, MailboxConfig, MailboxUse } from "./config.ts";
import { DEFAULTS } from "./defaults.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath } from "./issue.ts";
import { isProcess } from "./names.ts";
import { mailboxConsumersOf } from "./pipe_ends.ts";
import { formatSize, parseSizeBytes } from "./units.ts";

/**
 * Checks one mailbox.
 *
 * @param config A configuration of the right shape.
 * @param channel The mailbox.
 * @param path Where it stands.
 * @returns All issues.
 */
export function checkMailbox(
  config: Config,
  channel: MailboxConfig,
  path: IssuePath,
): ConfigIssue[] {
  return [
    ...checkHolders(config, channel, path),
    ...checkSizes(channel, path),
    ...checkHistory(channel, path),
    ...checkUse(channel, channel.wait, path),
    ...mailboxConsumersOf(channel).flatMap(({ own, key }) => {
      const at = [...path, ...key.slice(0, 2)];
      return [
        ...checkUse(own, own.wait ?? channel.wait, at),
        ...checkBehind(own.behind, channel, at),
      ];
    }),
  ];
}

/** The largest sample in bytes; null: neither key says it, or what it says is wrong. */
export function sampleBytesOf({ sampleBytes, schema }: MailboxConfig): number | null {
  if (sampleBytes !== undefined) return parseSizeBytes(sampleBytes);
  return schema === undefined || structIssues(schema).length > 0
    ? null
    : structLayout(schema).bytes;
}

function checkHolders(config: Config, channel: MailboxConfig, path: IssuePath): ConfigIssue[] {
  const producer = parseEndpoint(channel.from)?.process;
  const ends = [{ text: channel.from, key: ["from"] }, ...mailboxConsumersOf(channel)];
  return ends.flatMap(({ text, key }, index) => {
    const name = parseEndpoint(text)?.process;
    if (name === undefined || !isProcess(config, name)) return [];
    const at = [...path, ...key];
    const { run, replicas = DEFAULTS.replicas } = config.processes[name]!;
    const issues: ConfigIssue[] = [];
    if (index > 0 && name === producer) {
      issues.push(errorAt(
        at,
        `"${name}" would feed itself`,
        "wire it to another process",
      ));
    }
    if (replicas > 1) {
      issues.push(errorAt(
        at,
        `"${name}" has ${replicas} replicas, and an end of a mailbox is one process's`,
        "declare its processes one by one",
      ));
    }
    if (run.kind === "task") {
      issues.push(errorAt(
        at,
        `"${name}" runs a task: the programs of a task do not inherit memory`,
        "run the program itself, by deno() or command()",
      ));
    }
    return issues;
  });
}

function checkSizes(channel: MailboxConfig, path: IssuePath): ConfigIssue[] {
  const { sampleBytes, schema } = channel;
  if (sampleBytes === undefined && schema === undefined) {
    const fix = 'sampleBytes: "64KiB", or a schema';
    return [errorAt(path, 'a mailbox must have one of "sampleBytes" and "schema"', fix)];
  }
  const bytes = sampleBytesOf(channel);
  if (bytes === null) return [];
  if (sampleBytes !== undefined && schema !== undefined && structIssues(schema).length === 0) {
    const layout = structLayout(schema);
    if (layout.bytes !== bytes) {
      return [errorAt(
        [...path, "sampleBytes"],
        `the schema's samples have ${layout.bytes} bytes, "sampleBytes" says ${bytes}`,
        "remove it: it follows from the schema",
      )];
    }
  }
  const slots = channel.slots ?? DEFAULTS.mailbox.slots;
  const total = segmentBytes({ slots, sampleBytes: bytes } as MailboxShape);
  if (total <= SEGMENT_BYTES_MAX) return [];
  return [errorAt(
    [...path, channel.slots === undefined ? "sampleBytes" : "slots"],
    `the samples must take at most ${
      formatSize(SEGMENT_BYTES_MAX)
    }, ${slots} slots take ${total} bytes`,
    `at most ${Math.floor(SEGMENT_BYTES_MAX / (total / slots))} slots of this size`,
  )];
}

function checkHistory(channel: MailboxConfig, path: IssuePath): ConfigIssue[] {
  const { history, overflow, blockFor } = channel;
  const slots = channel.slots ?? DEFAULTS.mailbox.slots;
  const issues = checkBehind(channel.behind, channel, path);
  if (typeof history === "object" && history.keepLast >= slots) {
    const given = channel.slots === undefined ? `${slots} (by default)` : `${slots}`;
    issues.push(errorAt(
      [...path, "history", "keepLast"],
      `must be less than "slots", which is ${given}, is ${history.keepLast}: ` +
        "what is being written is not kept",
      `slots: ${history.keepLast + 1} or more`,
    ));
  }
  for (const key of ["overflow", "blockFor"] as const) {
    if (channel[key] === undefined || history === "keepAll") continue;
    issues.push(errorAt(
      [...path, key],
      `"${key}" is about a producer that is held back, and with "keepLast" it never is`,
      "history: keepAll, or remove it",
    ));
  }
  if (blockFor !== undefined && overflow === "fail" && history === "keepAll") {
    issues.push(errorAt(
      [...path, "blockFor"],
      'with overflow "fail" nobody waits',
      'overflow: "block", or remove it',
    ));
  }
  return issues;
}

function checkBehind(
  behind: MailboxConfig["behind"],
  { history }: MailboxConfig,
  path: IssuePath,
): ConfigIssue[] {
  if (behind === undefined || history !== "keepAll") return [];
  return [errorAt(
    [...path, "behind"],
    'with "keepAll" nobody falls behind: the producer waits',
    "history: keepLast(n), or remove it",
  )];
}

function checkUse(
  { spin }: MailboxUse,
  wait: MailboxUse["wait"],
  path: IssuePath,
): ConfigIssue[] {
  if (spin === undefined || wait === undefined || wait === "spin-then-park") return [];
  return [errorAt(
    [...path, "spin"],
    wait === "park" ? 'with wait "park" nobody spins' : 'with wait "spin" a spin has no end',
    'wait: "spin-then-park", or remove it',
  )];
}
