/** Facts and configurations for the tests of the plan: a small machine where all is well. */
import { assertEquals, fail } from "@std/assert";
import type { Config, ConfigIssue, ProcessConfig } from "../../../src/config/config.ts";
import { compile } from "../../../src/plan/compile.ts";
import {
  executableKey,
  type Facts,
  type PathFact,
  type RightsFact,
} from "../../../src/plan/facts.ts";
import type { Plan, ProcessPlan } from "../../../src/plan/plan.ts";

export const PATH = "/usr/bin:/bin";

/** Of root with every capability, on two CPUs. */
export const RIGHTS: RightsFact = {
  capabilities: Array.from({ length: 41 }, (_, at) => at),
  rtPriorityMax: 0,
  oomScore: 0,
  cpus: [0, 1],
  realTimeShare: 0.95,
};

/** A machine: `cat`, `sh` and `true` in /usr/bin, one program /project/main.ts. */
export function machine(changes: Partial<Facts> = {}): Facts {
  const executables = new Map<string, string | null>();
  for (const command of ["cat", "sh", "true"]) {
    const key = executableKey({ command, cwd: "/project", path: PATH });
    executables.set(key, `/usr/bin/${command}`);
  }
  return {
    cox: { version: "1.2.3", dir: "/opt/cox" },
    denoPath: "/usr/bin/deno",
    denoDir: "/home/me/.cache/deno",
    denoDirShared: false,
    configPath: "/project/supervisor.config.ts",
    projectDir: "/project",
    runDir: "/run/cox/project-1",
    runDirAbove: [{ path: "/run/cox", mode: 0o711, uid: 0, gid: 0 }],
    environment: { PATH, HOME: "/home/me", SECRET: "s" },
    profiles: [],
    uid: 0,
    gid: 0,
    users: [
      { name: "root", uid: 0, gid: 0, home: "/root" },
      { name: "www", uid: 33, gid: 33, home: "/var/www" },
    ],
    groups: [{ name: "root", gid: 0, members: [] }, { name: "data", gid: 50, members: ["www"] }],
    tools: {
      setpriv: "/usr/bin/setpriv",
      prlimit: "/usr/bin/prlimit",
      nice: "/usr/bin/nice",
      choom: "/usr/bin/choom",
      ionice: "/usr/bin/ionice",
      taskset: "/usr/bin/taskset",
      chrt: "/usr/bin/chrt",
    },
    rights: RIGHTS,
    seccomp: false,
    pipeBytesMax: null,
    memory: null,
    envFiles: new Map(),
    executables,
    paths: paths({ "/project": "directory", "/project/main.ts": "file" }),
    programs: new Map([
      ["file:///project/main.ts", { files: ["/project/main.ts"], remote: false, errors: [] }],
    ]),
    tasks: null,
    importMap: '{"imports":{}}',
    lockPath: null,
    ...changes,
  };
}

/** Paths that are what they seem; the value may also name where a link leads. */
export function paths(kinds: Record<string, PathFact["kind"] | PathFact>): Map<string, PathFact> {
  return new Map(
    Object.entries(kinds).map(([path, fact]) => [
      path,
      typeof fact === "string" ? { kind: fact, realPath: path } : fact,
    ]),
  );
}

/** A command process; `cat` unless told otherwise. */
export function commandProcess(changes: Partial<ProcessConfig> = {}): ProcessConfig {
  return { run: { kind: "command", argv: ["cat"] }, ...changes };
}

/** A sandboxed process that runs /project/main.ts. */
export function denoProcess(
  run: Partial<Extract<ProcessConfig["run"], { kind: "deno" }>> = {},
  changes: Partial<ProcessConfig> = {},
): ProcessConfig {
  return { run: { kind: "deno", path: "./main.ts", ...run }, ...changes };
}

/** A configuration of these processes. */
export function crew(
  processes: Record<string, ProcessConfig>,
  rest: Partial<Config> = {},
): Config {
  return { name: "crew", processes, ...rest };
}

/** The plan; fails on any error. */
export function compiled(config: Config, facts: Facts = machine()): Plan {
  const result = compile(config, facts);
  if (result.kind === "compiled") return result.plan;
  fail(`refused: ${JSON.stringify(result.issues, null, 1)}`);
}

/** The one process called `name`. */
export function processNamed(plan: Plan, name: string): ProcessPlan {
  const found = plan.processes.find((process) => process.name === name);
  return found ?? fail(`no process ${name}`);
}

/** The issues of a configuration that must be refused. */
export function refused(config: Config, facts: Facts = machine()): readonly ConfigIssue[] {
  const result = compile(config, facts);
  assertEquals(result.kind, "refused", JSON.stringify(result.issues));
  return result.issues;
}

/** The only error of a configuration that must be refused; warnings are left out. */
export function onlyError(config: Config, facts: Facts = machine()): ConfigIssue {
  const errors = refused(config, facts).filter((issue) => issue.severity === "error");
  assertEquals(errors.length, 1, JSON.stringify(errors, null, 1));
  return errors[0]!;
}

/** The warnings about a configuration that must compile. */
export function warnings(config: Config, facts: Facts = machine()): readonly ConfigIssue[] {
  const result = compile(config, facts);
  assertEquals(result.kind, "compiled", JSON.stringify(result.issues));
  return result.issues;
}
