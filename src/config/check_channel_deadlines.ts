/**
 * Checks the time contracts of channels and paths: what a consumer requests against what the
 * channel offers, and that a path is connected. Must not know: contracts of processes.
 */
import { PATHS_MAX } from "../channel/mailbox/layout.ts";
import { checkContract, checkWarn } from "./check_contract.ts";
import type {
  ChannelConfig,
  ChannelDeadlinesConfig,
  Config,
  ConfigIssue,
  MailboxConfig,
  PathConfig,
  PipeConfig,
} from "./config.ts";
import { didYouMean } from "./did_you_mean.ts";
import { parseEndpoint } from "./endpoint.ts";
import { errorAt, type IssuePath, show } from "./issue.ts";
import { consumersOf, producersOf } from "./pipe_ends.ts";
import { parseDurationNs } from "./units.ts";

/** Contracts of a channel, in the order of their documentation. */
export const CHANNEL_CONTRACTS = ["deadline", "latency", "liveliness"] as const;

/**
 * Checks the contracts of every channel.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkChannelDeadlines(config: Config): ConfigIssue[] {
  return Object.entries(config.channels ?? {}).flatMap(([name, channel]) => {
    if (!hasSamples(channel)) return [];
    const path = ["channels", name];
    const producers = producersOf(channel).map(({ text }) => parseEndpoint(text)?.process ?? "");
    const count = producers.reduce((sum, producer) => sum + replicasOf(config, producer), 0);
    return [
      ...checkTimes(config, channel, path),
      ...consumersOf(channel).flatMap(({ own, key }) => {
        const at = [...path, ...key.slice(0, 2)];
        return [
          ...checkTimes(config, own, at),
          ...checkRequest(channel, own, at),
          ...checkMixed(own, count, at),
        ];
      }),
    ];
  });
}

/**
 * Checks every path.
 *
 * @param config A configuration of the right shape.
 * @returns All issues.
 */
export function checkPaths(config: Config): ConfigIssue[] {
  const ends = new Map<string, number>();
  return Object.entries(config.paths ?? {}).flatMap(([name, path]) => {
    const at = ["paths", name];
    return [
      ...checkEnds(config, path, at, ends),
      ...checkContract(config, path, at),
      ...checkWarn({ ...path, miss: path.within, key: '"within"' }, at),
      ...checkConnected(config, path, at),
    ];
  });
}

/** Whether messages are told apart on a channel, so that they can be timed. */
function hasSamples(channel: ChannelConfig): channel is PipeConfig | MailboxConfig {
  return channel.kind === "mailbox" || (channel.kind === "pipe" && channel.framing !== undefined);
}

function replicasOf(config: Config, name: string): number {
  return Object.hasOwn(config.processes, name) ? config.processes[name]!.replicas ?? 1 : 1;
}

function checkTimes(
  config: Config,
  contracts: ChannelDeadlinesConfig,
  path: IssuePath,
): ConfigIssue[] {
  return CHANNEL_CONTRACTS.flatMap((key) => {
    const contract = contracts[key];
    if (contract === undefined) return [];
    const at = [...path, key];
    return [
      ...checkContract(config, contract, at),
      ...checkWarn({ ...contract, miss: contract.within, key: '"within"' }, at),
    ];
  });
}

/** DDS's rule: what is requested must be no stricter than what is offered. */
function checkRequest(
  offered: ChannelDeadlinesConfig,
  requested: ChannelDeadlinesConfig,
  path: IssuePath,
): ConfigIssue[] {
  return CHANNEL_CONTRACTS.flatMap((key) => {
    const request = requested[key];
    const offer = offered[key];
    if (request === undefined) return [];
    if (offer === undefined) {
      // A latency is the transport's to keep: nobody has to offer it.
      if (key === "latency") return [];
      return [errorAt(
        [...path, key],
        `the channel offers no "${key}", so that no consumer can request one`,
        `add ${key}: { within: "${request.within}" } to the channel, if its producers keep it`,
      )];
    }
    if (parseDurationNs(request.within) >= parseDurationNs(offer.within)) return [];
    return [errorAt(
      [...path, key, "within"],
      `requests "${request.within}", and the channel offers "${offer.within}": what is requested ` +
        "must be no shorter",
      `at least "${offer.within}", or a shorter ${key} of the channel`,
    )];
  });
}

/** Whose silence it was cannot be said where the samples of several come mixed. */
function checkMixed(
  requested: ChannelDeadlinesConfig,
  producers: number,
  path: IssuePath,
): ConfigIssue[] {
  if (producers <= 1) return [];
  return (["deadline", "liveliness"] as const).flatMap((key) =>
    requested[key] === undefined ? [] : [errorAt(
      [...path, key],
      `the samples of ${producers} producers come mixed to a consumer: whose are missing cannot ` +
        "be said there",
      `use the channel's "${key}", which is of each producer`,
    )]
  );
}

function checkConnected(config: Config, path: PathConfig, at: IssuePath): ConfigIssue[] {
  const channels = config.channels ?? {};
  const issues: ConfigIssue[] = [];
  const seen = new Set<string>();
  let before: { readonly name: string; readonly consumers: ReadonlySet<string> } | null = null;
  for (const [index, name] of path.through.entries()) {
    const here = [...at, "through", index];
    if (!Object.hasOwn(channels, name)) {
      issues.push(
        errorAt(here, `no channel is named ${show(name)}`, didYouMean(name, Object.keys(channels))),
      );
      return issues;
    }
    if (seen.has(name)) return [...issues, errorAt(here, `${show(name)} is listed twice`)];
    seen.add(name);
    const channel = channels[name]!;
    if (!hasSamples(channel)) {
      issues.push(errorAt(
        here,
        `"${name}" carries no messages that could be followed`,
        "use channels whose messages are told apart",
      ));
      return issues;
    }
    const producers = namesOf(producersOf(channel));
    const joint = before === null || [...before.consumers].some((each) => producers.has(each));
    if (!joint) {
      issues.push(errorAt(
        here,
        `no consumer of "${before!.name}" is a producer of "${name}"`,
        "a path is connected: list the channel between them",
      ));
      return issues;
    }
    before = { name, consumers: namesOf(consumersOf(channel)) };
  }
  return before === null ? issues : [...issues, ...checkEnd(path, before, at)];
}

function checkEnd(
  { to }: PathConfig,
  last: { readonly name: string; readonly consumers: ReadonlySet<string> },
  at: IssuePath,
): ConfigIssue[] {
  const listed = [...last.consumers].map((name) => `"${name}"`).join(", ");
  if (to === undefined) {
    if (last.consumers.size === 1) return [];
    return [errorAt(
      at,
      `"${last.name}" has several consumers, and the path must end at one of them`,
      `add to: one of ${listed}`,
    )];
  }
  if (last.consumers.has(to)) return [];
  return [errorAt(
    [...at, "to"],
    `${show(to)} is no consumer of "${last.name}"`,
    last.consumers.size === 1 ? listed : `one of ${listed}`,
  )];
}

/** A consumer of a mailbox has a counter for each path that ends there. */
function checkEnds(
  config: Config,
  { through, to }: PathConfig,
  at: IssuePath,
  ends: Map<string, number>,
): ConfigIssue[] {
  const last = through.at(-1) ?? "";
  const channel = (config.channels ?? {})[last];
  if (channel?.kind !== "mailbox") return [];
  // Without `to` there is one consumer alone.
  const end = to ?? [...namesOf(consumersOf(channel))][0] ?? "";
  const key = `${last} ${end}`;
  const count = (ends.get(key) ?? 0) + 1;
  ends.set(key, count);
  if (count <= PATHS_MAX) return [];
  return [errorAt(
    at,
    `more than ${PATHS_MAX} paths end at "${end}" of "${last}"`,
    `at most ${PATHS_MAX}: of paths over the same channels the one with the shortest "within" will do`,
  )];
}

function namesOf(ends: readonly { readonly text: string }[]): Set<string> {
  return new Set(ends.flatMap(({ text }) => parseEndpoint(text)?.process ?? []));
}
