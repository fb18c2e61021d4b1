/**
 * What `cox permissions` prints: the exact flags of every process, and the supervisor's own.
 * Read from the plan's command lines, so that it cannot say anything else than what runs.
 * Must not know: the configuration.
 */
import type { Plan, ProcessPlan } from "./plan.ts";
import { RELAY_PROCESS } from "./relay_process.ts";
import { type ExplainedFlag, supervisorPermissions } from "./supervisor_flags.ts";

/** One process's place in the report. */
export interface ProcessPermissions {
  readonly name: string;
  readonly system: boolean;
  readonly kind: ProcessPlan["kind"];
  /** False for commands and tasks: the operating system alone confines them. */
  readonly sandboxed: boolean;
  /** `--allow-…`; empty in a sandbox: nothing is granted. */
  readonly flags: readonly string[];
  /** Sealed by means of `--allow-ffi`, which it has given up before its first line. */
  readonly sealed: boolean;
  /** Whom it runs as; null: as cox. */
  readonly uid: number | null;
  readonly gid: number | null;
}

/** The whole report: this is what `cox permissions --json` prints. */
export interface PermissionReport {
  readonly config: string;
  readonly processes: readonly ProcessPermissions[];
  readonly supervisor: readonly ExplainedFlag[];
}

/**
 * Collects the permissions of a crew.
 *
 * @param plan The plan.
 * @param coxDir Absolute path of cox itself.
 */
export function collectPermissions(plan: Plan, coxDir: string): PermissionReport {
  return {
    config: plan.name,
    processes: plan.processes.map((process) => ({
      name: process.name,
      system: process.system,
      kind: process.kind,
      sandboxed: process.kind === "deno",
      flags: process.kind === "deno" ? allowFlags(process.argv) : [],
      sealed: !process.system && isSealed(process),
      uid: process.uid,
      gid: process.gid,
    })),
    supervisor: supervisorPermissions({ coxDir, runDir: plan.runDir, summaryPath: null }),
  };
}

/**
 * Formats the report.
 *
 * @param plan The plan.
 * @param coxDir Absolute path of cox itself.
 * @param format Text for people, JSON (two spaces, final newline) for programs.
 */
export function permissionReport(plan: Plan, coxDir: string, format: "text" | "json"): string {
  const report = collectPermissions(plan, coxDir);
  if (format === "json") return `${JSON.stringify(report, null, 2)}\n`;
  const lines: string[] = [];
  for (const process of report.processes) {
    const who = process.uid === null ? "" : ` (uid ${process.uid}, gid ${process.gid})`;
    lines.push(`${process.name}${who}`);
    if (!process.sandboxed) {
      const what = process.kind === "task" ? "a task" : "a command";
      lines.push(`  no sandbox: ${what} may do what its user may do`);
    } else if (process.flags.length === 0) {
      lines.push(process.system ? "  nothing (system process)" : "  nothing");
    }
    for (const flag of process.flags) {
      const note = process.name === RELAY_PROCESS
        ? RELAY_NOTE
        : process.sealed && flag === SEAL_FLAG
        ? SEAL_NOTE
        : "";
      lines.push(`  ${flag}${note}`);
    }
  }
  lines.push("", "supervisor");
  for (const { flag, why } of report.supervisor) lines.push(`  ${flag}`, `      ${why}`);
  return `${lines.join("\n")}\n`;
}

/** Behind the grant of `@relay`. */
const RELAY_NOTE = " (system process; given up before it takes a byte)";

const SEAL_FLAG = "--allow-ffi";
/** Behind the grant of a sealed program. */
const SEAL_NOTE = " (for the seal; given up before its first line)";

/** A configuration can grant single libraries alone: all of them is the seal's. */
function isSealed({ kind, argv }: ProcessPlan): boolean {
  return kind === "deno" && allowFlags(argv).includes(SEAL_FLAG);
}

/** The flags between `run` and the program; what the program's own arguments say is theirs. */
function allowFlags(argv: readonly string[]): string[] {
  const flags: string[] = [];
  for (const argument of argv.slice(argv.indexOf("run") + 1)) {
    if (!argument.startsWith("--")) break;
    if (argument.startsWith("--allow-")) flags.push(argument);
  }
  return flags;
}
