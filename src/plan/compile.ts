/**
 * Configuration and facts in, plan out. Owns how the parts fit together and the numbering of
 * processes. Pure: the same input gives the same plan. Must not know: the machine.
 */
import type { Config, ConfigIssue } from "../config/config.ts";
import { channelPlans } from "./channels.ts";
import type { PulsePlan } from "./contract.ts";
import { type Timing, timing, withNumbers } from "./contracts.ts";
import { checkReadyStream, descriptorTable, type Wiring, wirings } from "./descriptors.ts";
import { expand, type ExpandedProcess, type Expansion } from "./expand.ts";
import type { Facts } from "./facts.ts";
import { checkFit } from "./fit.ts";
import { type GroupTree, groupTree } from "./groups.ts";
import { Issues } from "./issues.ts";
import { clientGroups, clientPaths, gateNumber } from "./listen.ts";
import { LOG_PROCESS, logProcess } from "./log_process.ts";
import { handedTo, startsPrograms } from "./memory.ts";
import { type StartOrder, startOrder } from "./order.ts";
import { ownEnvironment } from "./own_environment.ts";
import type {
  ChannelPlan,
  GroupMember,
  GroupPlan,
  Plan,
  PortPlan,
  ProcessPlan,
  RelayedPlan,
} from "./plan.ts";
import { type ProcessTemplate, processTemplate } from "./process_template.ts";
import { RELAY_PROCESS, relayProcess } from "./relay_process.ts";
import { withRelay } from "./relayed.ts";
import { schedulingPlan, supervisorPlan } from "./scheduling.ts";
import { checkRights } from "./scheduling_rights.ts";
import { sealedBy } from "./sealed.ts";
import { refusesSymlinks } from "./symlinks.ts";
import { SUPERVISOR_LIMITS } from "./supervisor_limits.ts";
import { wantedLibraries } from "./wanted_facts.ts";
import { protectionOf, protectionOfSockets } from "./write_grants.ts";

/** A plan with the warnings about it, or everything that is wrong. */
export type Compilation =
  | { readonly kind: "compiled"; readonly plan: Plan; readonly issues: readonly ConfigIssue[] }
  | { readonly kind: "refused"; readonly issues: readonly ConfigIssue[] };

/**
 * Compiles a configuration that has passed the schema.
 *
 * @param config The configuration.
 * @param facts What the probe found out about the machine.
 * @returns The plan, with warnings; or all errors and warnings at once.
 * @throws {UnitError | TypeError} If the configuration has not passed the schema.
 */
export function compile(config: Config, facts: Facts): Compilation {
  const issues = new Issues();
  const expansion = expand(config, facts.profiles, issues);
  const start = startOrder(expansion, issues);
  const identityOrder = expansion.processes.map((_, index) => index);
  const tree = groupTree(config, expansion, start?.order ?? identityOrder, issues);
  const { channels, relayed } = channelPlans(config, facts, expansion, issues);
  checkSupervisor(config, facts, issues);
  const due = timing(config, facts, expansion, channels, issues);
  checkFit(due.contracts, expansion, facts, issues);
  const templates = compileTemplates({ config, expansion, channels, facts, due }, issues);
  const wiring = wirings(channels, relayed, expansion.processes.length);
  for (const [name, indices] of expansion.byDeclaredName) {
    const template = templates.get(name)!;
    const table = tableOf(template, wiring[indices[0]!]!, null);
    checkReadyStream(name, table, template.ready, issues);
  }
  if (facts.runDir.includes(",")) {
    // The supervisor's own grants are lists that are separated by commas.
    issues.error([], `the run directory must not contain a comma, is ${facts.runDir}`);
  }
  if (start === null || issues.refused) return { kind: "refused", issues: issues.list() };
  const wires = { channels, relayed };
  const plan = assemble({
    ...{ config, facts, expansion, start, tree, ...wires, templates, wiring, due },
  });
  return { kind: "compiled", plan, issues: issues.list() };
}

/** Whether the monitor may be scheduled as it is declared. */
function checkSupervisor({ supervisor }: Config, { rights }: Facts, issues: Issues): void {
  const { scheduling } = supervisorPlan(supervisor);
  if (scheduling === null || rights === null) return;
  const path = ["supervisor", "scheduling"];
  checkRights({ scheduling, rights, path }, issues);
}

/** Everything compiled, still numbered by declaration. */
interface Parts {
  readonly config: Config;
  readonly facts: Facts;
  readonly expansion: Expansion;
  readonly start: StartOrder;
  readonly tree: GroupTree;
  readonly channels: readonly ChannelPlan[];
  readonly relayed: readonly RelayedPlan[];
  readonly templates: ReadonlyMap<string, ProcessTemplate>;
  readonly wiring: readonly Wiring[];
  readonly due: Timing;
}

function compileTemplates(
  { config, expansion, channels, facts, due }: Pick<
    Parts,
    "config" | "expansion" | "channels" | "facts" | "due"
  >,
  issues: Issues,
): Map<string, ProcessTemplate> {
  const declared = expansion.processes.map(({ declaredName, config }) =>
    [declaredName, config] as const
  );
  const protectedList = [
    ...protectionOf(facts, wantedLibraries(declared, facts.projectDir)),
    ...protectionOfSockets(channels),
  ];
  const templates = new Map<string, ProcessTemplate>();
  for (const [name, indices] of expansion.byDeclaredName) {
    const process = expansion.processes[indices[0]!]!.config;
    const groups = clientGroups(name, config, facts);
    const client = { clientGroups: groups, clientPaths: clientPaths(name, config, facts) };
    const gateFd = gateNumber(name, config);
    const sealed = sealedBy(channels, due.pulses, indices[0]!);
    const request = { name, process, facts, protectedList, ...client, gateFd, sealed };
    templates.set(name, processTemplate(request, issues));
  }
  return templates;
}

/** Numbers the processes by start order, after the system's, and puts the plan together. */
function assemble(parts: Parts): Plan {
  const { config, facts, expansion, start, tree, channels, relayed, due } = parts;
  const system = relayed.length === 0 ? [LOG_PROCESS] : [LOG_PROCESS, RELAY_PROCESS];
  const numbers = new Array<number>(expansion.processes.length);
  for (const [at, index] of start.order.entries()) numbers[index] = system.length + at;
  const renumber = (index: number) => numbers[index]!;
  const crew = start.order.map((index) =>
    processPlan(expansion.processes[index]!, index, parts, renumber)
  );
  const others = relayed.length === 0 ? crew : [relayProcess(facts), ...crew];
  const renumbered = channels.map((channel) => numberedChannel(channel, renumber));
  return {
    planVersion: 1,
    cox: facts.cox.version,
    name: config.name,
    configPath: facts.configPath,
    projectDir: facts.projectDir,
    runDir: facts.runDir,
    processes: [logProcess(others, facts), ...others],
    groups: tree.groups.map((group) => groupPlan(group, system.length, renumber)),
    channels: renumbered.map((channel) =>
      channel.kind === "leg" ? withRelay(channel, system.indexOf(RELAY_PROCESS)) : channel
    ),
    relayed,
    contracts: withNumbers(due.contracts, renumber),
    safeMode: due.safeMode === null ? null : { processes: due.safeMode.processes.map(renumber) },
    supervisor: supervisorPlan(config.supervisor),
    limits: SUPERVISOR_LIMITS,
  };
}

function processPlan(
  process: ExpandedProcess,
  index: number,
  parts: Parts,
  renumber: (index: number) => number,
): ProcessPlan {
  const template = parts.templates.get(process.declaredName)!;
  const wiring = parts.wiring[index]!;
  const pulse = parts.due.pulses[index]!;
  const { name, config } = process;
  const descriptors = tableOf(template, wiring, pulse);
  const { links } = wiring;
  const has = {
    ...{ links, pulse, descriptors },
    startsPrograms: startsPrograms(config.run),
    refusesSymlinks: refusesSymlinks(config.run, template.context, parts.facts),
  };
  const handed = handedTo(template.kind, has);
  const own = ownEnvironment(
    template.context.env,
    { name, kind: template.kind, config, wiring: { ...wiring, links: handed.links }, pulse },
    parts.facts.cox.dir,
  );
  const argv = [...own.shim, ...template.argv(name, handed)];
  return {
    name: process.name,
    declaredName: process.declaredName,
    system: false,
    kind: template.kind,
    argv,
    executable: argv[0]!,
    cwd: template.context.cwd,
    env: own.entries,
    umask: template.umask,
    uid: template.context.identity?.uid ?? null,
    gid: template.context.identity?.gid ?? null,
    descriptors,
    after: parts.start.after[index]!.map(({ process, condition }) => ({
      process: renumber(process),
      condition,
    })),
    ready: template.ready,
    restart: template.restart,
    stop: template.stop,
    finish: template.finish,
    critical: template.critical,
    group: parts.tree.groupOf[index]!,
    pulse,
    scheduling: schedulingPlan(config.scheduling),
  };
}

/** A channel with the final numbers of its processes. */
function numberedChannel(channel: ChannelPlan, renumber: (index: number) => number): ChannelPlan {
  const side = (port: PortPlan) => ({ ...port, processes: port.processes.map(renumber) });
  const sides = { from: side(channel.from), to: side(channel.to) };
  if (channel.kind !== "mailbox") return { ...channel, ...sides };
  const consumers = channel.consumers.map((each) => ({ ...each, port: side(each.port) }));
  return { ...channel, ...sides, consumers };
}

function tableOf(
  { ready, notifyFd, gateFd }: ProcessTemplate,
  wiring: Wiring,
  pulse: PulsePlan | null,
) {
  return descriptorTable(wiring, ready, notifyFd, gateFd, pulse?.fd ?? null);
}

/** The system processes are the first members of the root. */
function groupPlan(
  group: GroupPlan,
  systemCount: number,
  renumber: (index: number) => number,
): GroupPlan {
  const members = group.members.map((member): GroupMember =>
    member.kind === "process" ? { kind: "process", process: renumber(member.process) } : member
  );
  if (group.parent !== null) return { ...group, members };
  const system = Array.from({ length: systemCount }, (_, process): GroupMember => ({
    kind: "process",
    process,
  }));
  return { ...group, members: [...system, ...members] };
}
