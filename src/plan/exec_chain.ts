/**
 * The exec chain: small programs that each change one thing about themselves and then become
 * the next, down to the program itself. Owns its order and the tools' arguments; every link is
 * data in argv, none is a shell. Must not know: how a program is found.
 *
 *   prlimit → nice → timer slack → choom → ionice → taskset → chrt → setpriv → program
 *
 * Whatever may need a right comes before setpriv, which gives it away. chrt is the last of them:
 * what follows it runs under the policy that it sets, under which a thread has no timer slack
 * (fifo, rr, deadline), may not choose its CPUs (deadline), and may be slow (idle).
 */
import type { SchedulingPlan, SchedulingPolicy } from "./contract.ts";

/** A limit's soft and hard value; null: unlimited. */
export interface LimitPair {
  readonly soft: number | null;
  readonly hard: number | null;
}

/** What prlimit(1) can set here, by its option name. */
export type LimitName = "nofile" | "nproc" | "as" | "fsize" | "core" | "cpu" | "memlock";

/** Who the program runs as. */
export interface ChainIdentity {
  readonly uid: number;
  readonly gid: number;
  /** It has a line in /etc/passwd, so that its groups are known. */
  readonly named: boolean;
  /** Exactly these supplementary groups; absent: those of the user. */
  readonly groups?: readonly number[];
}

/** What the chain has to change before the program starts. */
export interface ChainRequest {
  /** The program and its arguments; `program[0]` is its absolute path. */
  readonly program: readonly string[];
  readonly limits: readonly (readonly [name: LimitName, value: LimitPair])[];
  /** 0: leave it. */
  readonly nice: number;
  /** null: leave it. */
  readonly scheduling: SchedulingPlan | null;
  /** null: leave it. */
  readonly identity: ChainIdentity | null;
  /** Where cox is: it brings what no standard tool does. */
  readonly coxDir: string;
  /** Absolute paths; one that is needed and null is reported. */
  readonly tools: Readonly<Record<ChainTool, string | null>>;
}

/** The tools that a chain can be made of. */
export type ChainTool =
  | "prlimit"
  | "nice"
  | "choom"
  | "ionice"
  | "taskset"
  | "chrt"
  | "setpriv";

/** The chain, or the tools that are needed and not installed. */
export type ExecChain =
  | { readonly kind: "chain"; readonly argv: readonly string[] }
  | { readonly kind: "missing"; readonly tools: readonly ChainTool[] };

const SHELL = "/bin/sh";

/** One program of the chain and its arguments. */
interface Link {
  /** null: the shell, which is always there. */
  readonly tool: ChainTool | null;
  readonly args: readonly string[];
}

/**
 * Builds the shortest chain: where nothing is to be changed it is the program alone.
 *
 * @param request What to change, and the program.
 */
export function execChain(request: ChainRequest): ExecChain {
  const { limits, nice, scheduling, identity, tools } = request;
  const links: Link[] = [];
  if (limits.length > 0) {
    links.push({
      tool: "prlimit",
      args: limits.map(([name, pair]) => limitArgument(name, pair)),
    });
  }
  if (nice !== 0) links.push({ tool: "nice", args: ["-n", String(nice)] });
  if (scheduling !== null) links.push(...schedulingLinks(scheduling, request.coxDir));
  if (identity !== null) links.push({ tool: "setpriv", args: identityArguments(identity) });
  const missing = links.flatMap(({ tool }) => tool !== null && tools[tool] === null ? [tool] : []);
  if (missing.length > 0) return { kind: "missing", tools: missing };
  const argv = links.flatMap(({ tool, args }) => [tool === null ? SHELL : tools[tool]!, ...args]);
  return { kind: "chain", argv: [...argv, ...request.program] };
}

function schedulingLinks(scheduling: SchedulingPlan, coxDir: string): Link[] {
  const { policy, cpus, ioClass, oomScore, timerSlackNs } = scheduling;
  const links: Link[] = [];
  if (timerSlackNs !== null) {
    const shim = `${coxDir}/src/process/timer_slack_shim.sh`;
    links.push({ tool: null, args: [shim, String(timerSlackNs)] });
  }
  if (oomScore !== null) links.push({ tool: "choom", args: ["-n", String(oomScore), "--"] });
  if (ioClass !== null) links.push({ tool: "ionice", args: ioArguments(ioClass) });
  if (cpus !== null) links.push({ tool: "taskset", args: ["-c", cpus.join(",")] });
  if (policy !== null) links.push({ tool: "chrt", args: policyArguments(policy) });
  return links;
}

/** Classes by number (ioprio_set(2)). */
const IO_CLASSES = { realtime: 1, "best-effort": 2, idle: 3 } as const;

function ioArguments(ioClass: NonNullable<SchedulingPlan["ioClass"]>): string[] {
  const given = ["-c", String(IO_CLASSES[ioClass.kind])];
  return ioClass.kind === "idle" ? given : [...given, "-n", String(ioClass.level)];
}

function policyArguments(policy: SchedulingPolicy): string[] {
  switch (policy.kind) {
    case "fifo":
    case "rr":
      return [policy.kind === "fifo" ? "-f" : "-r", String(policy.priority)];
    case "batch":
    case "idle":
      return [policy.kind === "batch" ? "-b" : "-i", "0"];
    case "deadline":
      // A task with a reservation cannot start a thread, unless what it starts has none (-R).
      return [
        ...["-R", "-d", "-T", String(policy.runtimeNs), "-D", String(policy.deadlineNs)],
        ...["-P", String(policy.periodNs), "0"],
      ];
  }
}

function limitArgument(name: LimitName, pair: LimitPair): string {
  return `--${name}=${pair.soft ?? "unlimited"}:${pair.hard ?? "unlimited"}`;
}

function identityArguments(identity: ChainIdentity): string[] {
  // setpriv insists on being told what becomes of the supplementary groups; to keep root's
  // would leave the process more than its user has.
  const groups = identity.groups !== undefined
    ? `--groups=${identity.groups.join(",")}`
    : identity.named
    ? "--init-groups"
    : "--clear-groups";
  return [`--reuid=${identity.uid}`, `--regid=${identity.gid}`, groups];
}
