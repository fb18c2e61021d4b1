/**
 * One declared process, compiled once for all its replicas. Owns what of it can be wrong on
 * this machine. Must not know: other processes, groups, indices.
 */
import { DEFAULTS } from "../config/defaults.ts";
import { parseDurationNs } from "../config/units.ts";
import { type ChainIdentity, type ChainTool, execChain } from "./exec_chain.ts";
import type { Identity } from "./identity.ts";
import type { Issues } from "./issues.ts";
import { closedTo } from "./notify_reach.ts";
import { limitPairs } from "./limits.ts";
import type { FinishPlan, ReadyPlan, RestartPlan, StopPlan } from "./plan.ts";
import { readyPlan, restartPlan, stopPlan, umaskPlan } from "./policies.ts";
import { schedulingPlan } from "./scheduling.ts";
import { checkRights } from "./scheduling_rights.ts";
import { type ProcessContext, processContext } from "./process_context.ts";
import { type Handed, lookUp, programOf, type TemplateRequest } from "./program.ts";

/** What the replicas of a declared process share. */
export interface ProcessTemplate {
  readonly declaredName: string;
  readonly kind: "deno" | "task" | "command";
  readonly context: ProcessContext;
  readonly umask: number;
  readonly ready: ReadyPlan;
  readonly restart: RestartPlan;
  readonly stop: StopPlan;
  readonly finish: FinishPlan | null;
  readonly critical: boolean;
  /** Descriptor for readiness messages of a sandboxed program; null: it has none there. */
  readonly notifyFd: number | null;
  /** Where a server asks about its connections; null: it has no need to. */
  readonly gateFd: number | null;
  /** The whole exec chain of one replica. */
  readonly argv: (name: string, handed: Handed) => readonly string[];
}

/** Descriptor on which a sandboxed program reports readiness. */
const NOTIFY_FD = 3;

/**
 * Compiles a declared process.
 *
 * @param request The process and what it depends on.
 * @param issues Receives everything that is wrong with it.
 */
export function processTemplate(request: TemplateRequest, issues: Issues): ProcessTemplate {
  const { name, process, facts } = request;
  const context = processContext(name, process, facts, issues);
  checkDirectory(request, context, issues);
  const ready = readyPlan(process.ready);
  if (process.run.kind !== "deno") checkNotifyReach(request, context, issues);
  const notifyFd = process.run.kind === "deno" && ready.by !== "fd" ? NOTIFY_FD : null;
  const program = programOf(request, context, notifyFd, issues);
  const niceness = process.nice ?? DEFAULTS.nice;
  if (niceness < 0 && facts.uid !== 0) {
    issues.error(["processes", name, "nice"], `only root can raise priority (nice ${niceness})`);
  }
  const scheduling = schedulingPlan(process.scheduling);
  if (scheduling !== null && facts.rights !== null) {
    const path = ["processes", name, "scheduling"];
    checkRights({ scheduling, rights: facts.rights, path }, issues);
  }
  const limits = limitPairs(process.limits, ["processes", name, "limits"], issues);
  const chain = chainOf(request, context, issues);
  const argv = (replica: string, handed: Handed) =>
    chain(program(replica, handed), { nice: niceness, limits, scheduling });
  argv(name, { links: [], memory: null });
  return {
    declaredName: name,
    kind: process.run.kind,
    context,
    umask: umaskPlan(process.umask),
    ready,
    restart: restartPlan(process.restart),
    stop: stopPlan(process.stop),
    finish: finishPlan(request, context, chain, issues),
    critical: process.critical ?? DEFAULTS.critical,
    notifyFd,
    gateFd: request.gateFd,
    argv,
  };
}

type ChainExtras = Pick<Parameters<typeof execChain>[0], "limits" | "nice" | "scheduling">;
type Chain = (program: readonly string[], extras: ChainExtras) => readonly string[];

/** Wraps programs; a missing tool is reported once per tool. */
function chainOf(request: TemplateRequest, context: ProcessContext, issues: Issues): Chain {
  const { identity } = context;
  const named = identity?.user !== null;
  const reported = new Set<string>();
  return (program, extras) => {
    const result = execChain({
      program,
      ...extras,
      identity: identity === null ? null : { ...chainIdentity(identity, request), named },
      coxDir: request.facts.cox.dir,
      tools: request.facts.tools,
    });
    if (result.kind === "chain") return result.argv;
    for (const tool of result.tools) {
      if (reported.has(tool)) continue;
      reported.add(tool);
      issues.error(
        ["processes", request.name, ...TOOL_KEYS[tool]],
        `${tool} is needed and is not installed`,
        tool === "nice" ? "install coreutils" : "install util-linux",
      );
    }
    return program;
  };
}

/** The key that asks for each tool. */
const TOOL_KEYS: Readonly<Record<ChainTool, readonly string[]>> = {
  prlimit: ["limits"],
  nice: ["nice"],
  choom: ["scheduling", "oomScore"],
  ionice: ["scheduling", "io"],
  taskset: ["scheduling", "cpus"],
  chrt: ["scheduling", "policy"],
  setpriv: ["user"],
};

/** A client of listeners has their groups besides its own. */
function chainIdentity(
  { uid, gid, user }: Identity,
  { facts, clientGroups }: TemplateRequest,
): Pick<ChainIdentity, "uid" | "gid" | "groups"> {
  if (clientGroups.length === 0) return { uid, gid };
  const own = facts.groups.filter(({ members }) => user !== null && members.includes(user.name));
  return { uid, gid, groups: [gid, ...own.map((group) => group.gid), ...clientGroups] };
}

function checkDirectory(request: TemplateRequest, context: ProcessContext, issues: Issues): void {
  const kind = request.facts.paths.get(context.cwd)?.kind ?? "missing";
  if (kind === "directory") return;
  issues.error(
    ["processes", request.name, "cwd"],
    kind === "missing"
      ? `the working directory ${context.cwd} does not exist`
      : `the working directory ${context.cwd} is not a directory`,
    "create it",
  );
}

function checkNotifyReach(request: TemplateRequest, context: ProcessContext, issues: Issues): void {
  const { ready, deadlines } = request.process;
  const key = ready?.by === "notify"
    ? ["ready", "by"]
    : deadlines?.heartbeat?.by === "notify"
    ? ["deadlines", "heartbeat", "by"]
    : null;
  if (key === null) return;
  const { identity } = context;
  const { runDir, runDirAbove } = request.facts;
  const closed = identity === null ? null : closedTo(runDirAbove, identity);
  if (closed === null) return;
  issues.error(
    ["processes", request.name, ...key],
    `uid ${identity!.uid} cannot reach its notify socket beside the run directory ${runDir}: ` +
      `${closed.path} is closed to it (mode ${(closed.mode & 0o7777).toString(8)})`,
    `chmod o+x ${closed.path}, or choose another --run-dir`,
  );
}

function finishPlan(
  request: TemplateRequest,
  context: ProcessContext,
  chain: Chain,
  issues: Issues,
): FinishPlan | null {
  const { finish } = request.process;
  if (finish === undefined) return null;
  const path = ["processes", request.name, "finish", "run", "argv", 0];
  const found = lookUp(finish.run.argv, request, context, path, issues);
  // It runs as the process's user; the limits are the process's own.
  const argv = chain([found, ...finish.run.argv.slice(1)], {
    nice: 0,
    limits: [],
    scheduling: null,
  });
  return {
    argv,
    executable: argv[0]!,
    timeoutNs: parseDurationNs(finish.timeout ?? DEFAULTS.finish.timeout),
  };
}
