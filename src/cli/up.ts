/**
 * `cox up`: takes the run directory, checks and compiles, writes the plan and becomes the
 * guard, which starts the supervisor. Must not know: how a crew is run.
 *
 * ```
 *  options ─► lock ─┬─► load + prepare ─► plan.json, import_map.json ─► cgroup ─► go, execve
 *                   └─► supervisor, ahead of its plan: loads, and waits for "go"
 * ```
 */
import type { SupervisorOptions } from "../driver/options.ts";
import { SOCKET_PATH_BYTES_MAX } from "../os/socket_address.ts";
import type { Plan } from "../plan/plan.ts";
import type { CommandContext } from "./command.ts";
import type { AheadRequest, SupervisorAhead } from "./supervisor_ahead.ts";
import { denoPath } from "./deno_path.ts";
import { EXIT, SystemRefusal, UserError } from "./exit_codes.ts";
import { locateConfig, locateRunDir } from "./locate.ts";
import { coxDir, preparePlan, printIssues, startLoading } from "./prepare_plan.ts";
import { type Containment, parseUpOptions } from "./up_options.ts";

/**
 * What guard and supervisor see of our environment. The crew's own is in the plan; what
 * changes how a runtime or loader works (NODE_OPTIONS, DENO_V8_FLAGS, LD_*) stays behind.
 */
const KEPT_VARIABLES = ["PATH", "HOME", "LANG", "TZ", "TERM", "DENO_DIR", "XDG_CACHE_HOME"];
type UpSystem = typeof import("./up_system.ts");
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export async function run(context: CommandContext): Promise<number> {
  const { forNs, liveNs, summaryPath, containment } = parseUpOptions(context);
  const configPath = locateConfig(context);
  // First of all: what follows loads and runs while the configuration is evaluated.
  const loading = startLoading(context, configPath);
  const system = await import("./up_system.ts");
  const runDir = await locateRunDir(context);
  checkRunDirName(runDir);
  if (containment === "pidns") await checkPidNamespace(system);
  const lockFd = takeRunDir(context, system, runDir);
  const launch: Launch = {
    runDir,
    lockFd,
    env: keptEnvironment(context),
    argv: [
      ...[denoPath(), "run", "--quiet"],
      ...system.supervisorFlags({ coxDir: coxDir(), runDir, summaryPath }),
      `${coxDir()}/src/driver/main.ts`,
    ],
  };
  // In a namespace only the guard inside can start it.
  const ahead = containment === "pidns" ? null : system.startSupervisorAhead(launch);
  try {
    const prepared = await preparePlan(context, { configPath, runDir, mode: "up" }, loading);
    printIssues(context, configPath, prepared.issues);
    if (prepared.kind === "ready") {
      checkOpenFiles(system, prepared.plan);
      writePrivate(`${runDir}/plan.json`, JSON.stringify(prepared.plan));
      writePrivate(`${runDir}/import_map.json`, prepared.importMap);
      const cgroup = makeCgroup(context, system, prepared.plan.name, runDir, containment);
      const guardPid = ahead === null ? system.INIT_PID : Deno.pid;
      const color = context.color;
      const options = { runDir, lockFd, guardPid, forNs, liveNs, summaryPath, color, ...cgroup };
      context.log("becoming the guard");
      becomeGuardOver(system, launch, ahead, options);
    }
    return EXIT.user;
  } finally {
    // Reached when nothing came of it: the guard's script has no way back here.
    await ahead?.abandon();
  }
}

/** How a supervisor is started. */
interface Launch extends AheadRequest {
  readonly runDir: string;
}

function becomeGuardOver(
  system: UpSystem,
  { argv, env, lockFd, runDir }: Launch,
  ahead: SupervisorAhead | null,
  options: SupervisorOptions,
): never {
  if (ahead === null) {
    const inside = [...argv, JSON.stringify(options)];
    const supervisor = {
      kind: "start",
      argv: system.inPidNamespace(Deno.pid, runDir, inside),
    } as const;
    return system.becomeGuard({ supervisor, env, lockFd, runDir, hold: system.PID_NAMESPACE });
  }
  system.becomeSubreaper();
  ahead.go(options);
  const { pid, statusFd } = ahead;
  const supervisor = { kind: "adopt", pid, statusFd } as const;
  return system.becomeGuard({ supervisor, env, lockFd, runDir, hold: options.cgroupDir });
}

function takeRunDir({ log }: CommandContext, system: UpSystem, runDir: string): number {
  const claim = system.claimRunDir(runDir);
  if (claim.kind === "held") {
    const who = claim.pid === null ? "another supervisor" : `a supervisor with pid ${claim.pid}`;
    throw new UserError(
      `${who} is running this crew already (run directory ${runDir}); see \`cox ps\`, or ` +
        "choose another --run-dir",
    );
  }
  for (const path of claim.reclaimed) log(`removed what a dead run left: ${path}`);
  return claim.lockFd;
}

/** To run out of descriptors in the middle of a run would be worse. */
function checkOpenFiles(system: UpSystem, plan: Plan): void {
  const [needed, max] = [system.descriptorsNeeded(plan), system.openFilesMax()];
  if (needed <= max) return;
  throw new SystemRefusal(
    `This crew needs up to ${needed} open files at a time, the limit is ${max}; raise it ` +
      "(`ulimit -n`), or declare fewer processes",
  );
}

async function checkPidNamespace(system: UpSystem): Promise<void> {
  const problem = await system.pidNamespaceProblem();
  if (problem === null) return;
  throw new SystemRefusal(`No PID namespace can be made here: ${problem}; see \`cox doctor\``);
}

function checkRunDirName(runDir: string): void {
  // Deno separates the paths of a grant by commas and has no escape for one.
  if (/[,\n]/.test(runDir)) {
    throw new UserError(`The run directory must have no comma or newline in it, is ${runDir}`);
  }
  const sizeBytes = new TextEncoder().encode(`${runDir}/control.sock`).length;
  if (sizeBytes > SOCKET_PATH_BYTES_MAX) {
    throw new UserError(
      `The run directory is too long for a socket in it: ${runDir}/control.sock must be at most ` +
        `${SOCKET_PATH_BYTES_MAX} bytes, is ${sizeBytes}; choose a shorter --run-dir`,
    );
  }
}

function makeCgroup(
  { log }: CommandContext,
  system: UpSystem,
  name: string,
  runDir: string,
  containment: Containment,
): Pick<SupervisorOptions, "cgroupDir" | "cgroupProblem"> {
  if (containment === "guard" || containment === "pidns") {
    return { cgroupDir: null, cgroupProblem: null };
  }
  const made = system.createCrewCgroup(name, Deno.pid);
  if (made.kind === "made") {
    system.noteCgroup(runDir, made.dir);
    log(`made cgroup ${made.dir}`);
    return { cgroupDir: made.dir, cgroupProblem: null };
  }
  if (containment === "cgroup") {
    throw new SystemRefusal(`No cgroup can be made here: ${made.why}; see \`cox doctor\``);
  }
  return { cgroupDir: null, cgroupProblem: made.why };
}

function keptEnvironment({ io }: CommandContext): [string, string][] {
  const kept = KEPT_VARIABLES.flatMap((name): [string, string][] => {
    const value = io.env(name) ?? (name === "PATH" ? DEFAULT_PATH : undefined);
    return value === undefined ? [] : [[name, value]];
  });
  return [...kept, ["DENO_NO_UPDATE_CHECK", "1"]];
}

/** Whole or not at all: a supervisor must never read half a plan. */
function writePrivate(path: string, text: string): void {
  const temporary = `${path}.tmp`;
  try {
    Deno.writeTextFileSync(temporary, text, { mode: 0o600 });
    Deno.renameSync(temporary, path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SystemRefusal(`Cannot write ${path}: ${reason}`, { cause: error });
  }
}
