/**
 * Makes a configuration with wrong shapes in it checkable: keeps what is right, and puts
 * something harmless in the place of the rest, so that no name goes missing. Must not know:
 * any check.
 */
import type { ChannelConfig, Config, ConfigIssue, GroupConfig, ProcessConfig } from "./config.ts";

type Json = Record<string, unknown>;

/** Keys of a process whose own keys stand for themselves: one wrong leaves the others right. */
const PARTLY_KEPT: readonly string[] = ["after", "env", "limits", "restart"];

/**
 * Salvages what has the right shape.
 *
 * @param raw The configuration as written.
 * @param wrongShapes An issue for each wrong shape in it.
 * @returns A configuration of the right shape, or null if it has no processes to speak of.
 */
export function salvage(raw: unknown, wrongShapes: readonly ConfigIssue[]): Config | null {
  if (!isObject(raw) || !isObject(raw["processes"])) return null;
  const wrong = wrongPlaces(wrongShapes);
  const processes = new Map<string, ProcessConfig>();
  for (const [name, value] of Object.entries(raw["processes"])) {
    processes.set(name, salvageProcess(value, wrong.get(`processes\0${name}`) ?? []));
  }
  const groups = new Map<string, GroupConfig>();
  for (const [name, value] of Object.entries(isObject(raw["groups"]) ? raw["groups"] : {})) {
    groups.set(name, salvageGroup(value, wrong.get(`groups\0${name}`) ?? []));
  }
  const channels = new Map<string, ChannelConfig>();
  for (const [name, value] of Object.entries(isObject(raw["channels"]) ? raw["channels"] : {})) {
    const channel = salvageChannel(value, wrong.get(`channels\0${name}`) ?? []);
    if (channel !== null) channels.set(name, channel);
  }
  const declared = isObject(raw["channels"]) ? Object.keys(raw["channels"]).length : 0;
  return {
    name: wrong.has("name") ? "salvaged" : raw["name"] as string,
    processes: Object.fromEntries(
      channels.size === declared ? processes : [...processes].map(withoutFeed),
    ),
    groups: Object.fromEntries(groups),
    channels: Object.fromEntries(channels),
    // No contract must seem to ask for what is not there because of a typo in it.
    ...Object.hasOwn(raw, "safeMode") ? { safeMode: { start: [] } } : {},
  };
}

/** A heartbeat by a channel may be by one that could not be kept. */
function withoutFeed([name, process]: [string, ProcessConfig]): [string, ProcessConfig] {
  const { deadlines } = process;
  if (typeof deadlines?.heartbeat?.by !== "object") return [name, process];
  const { heartbeat: _, ...others } = deadlines;
  return [name, { ...process, deadlines: others }];
}

/** Issues by the entry they are in: `"processes\0name"`, or by the key at the top. */
function wrongPlaces(issues: readonly ConfigIssue[]): Map<string, ConfigIssue[]> {
  const places = new Map<string, ConfigIssue[]>();
  for (const issue of issues) {
    const place = issue.path.slice(0, 2).join("\0");
    places.set(place, [...places.get(place) ?? [], issue]);
  }
  return places;
}

function salvageProcess(value: unknown, wrong: readonly ConfigIssue[]): ProcessConfig {
  const placeholder: ProcessConfig = {
    run: { kind: "command", argv: ["placeholder"] },
    // Not the default: nothing must seem never to complete because its policy has a typo.
    restart: { policy: "transient" },
  };
  if (!isObject(value)) return placeholder;
  const kept: Json = { ...value };
  for (const { path } of wrong) {
    const key = String(path[2]);
    const inside = path[3] === undefined ? null : String(path[3]);
    const value = kept[key];
    if (isObject(value) && inside !== null && PARTLY_KEPT.includes(key)) {
      kept[key] = omit(value, inside);
    } else if (key === "run" && inside === "permissions" && path[4] !== undefined) {
      kept[key] = withoutGrant(value as Json, String(path[4]));
    } else if (key === "run") {
      kept[key] = placeholder.run;
    } else {
      delete kept[key];
    }
    if (key === "restart") {
      kept[key] = { ...placeholder.restart, ...isObject(kept[key]) ? kept[key] : {} };
    }
  }
  return kept as unknown as ProcessConfig;
}

function salvageGroup(value: unknown, wrong: readonly ConfigIssue[]): GroupConfig {
  if (!isObject(value)) return { members: [] };
  const kept: Json = { ...value };
  for (const { path } of wrong) delete kept[String(path[2])];
  const members = Array.isArray(value["members"]) ? value["members"] : [];
  kept["members"] = members.filter((each) => typeof each === "string");
  return kept as unknown as GroupConfig;
}

/** What a key of a pipe is taken to be where it is wrong; others are left out. */
const PIPE_PLACEHOLDERS: Json = {
  // No key must seem to need framing, or an amount to be too small, because of a typo.
  framing: "lines",
  maxMessage: "1B",
  // Nor must a consumer seem to request what is not offered.
  deadline: { within: "50us" },
  latency: { within: "50us" },
  liveliness: { within: "50us" },
};

/** Null: its ends are not known, or it is a socket, whose keys are checked together. */
function salvageChannel(value: unknown, wrong: readonly ConfigIssue[]): ChannelConfig | null {
  if (wrong.length === 0) return value as ChannelConfig;
  if (!isObject(value) || value["kind"] !== "pipe") return null;
  const kept: Json = { ...value };
  for (const { path } of wrong) {
    const key = path[2];
    if (key === undefined || key === "kind" || key === "from" || key === "to") return null;
    delete kept[key];
    if (Object.hasOwn(PIPE_PLACEHOLDERS, key)) kept[key] = PIPE_PLACEHOLDERS[key];
  }
  return kept as unknown as ChannelConfig;
}

/** `run` without one list of grants. */
function withoutGrant(run: Json, grant: string): Json {
  const permissions = run["permissions"];
  return isObject(permissions) ? { ...run, permissions: omit(permissions, grant) } : run;
}

function omit(value: Json, key: string): Json {
  return Object.fromEntries(Object.entries(value).filter(([each]) => each !== key));
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
