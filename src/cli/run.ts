/** `cox run`. */
import type { ConfigIssue } from "../config/config.ts";
import { formatIssues } from "../config/format_issue.ts";
import { validateConfig } from "../config/validate.ts";
import type { Prepared } from "../plan/probe/prepare.ts";
import { prepare } from "../plan/probe/prepare.ts";
import type { CommandContext } from "./command.ts";
import { denoPath } from "./deno_path.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { absolutePath } from "./locate.ts";
import {
  parseEnvironment,
  parsePermissions,
  parsePort,
  runConfig,
  type RunPort,
} from "./run_config.ts";
import { runForeground } from "./run_foreground.ts";

export async function run({ options, io, log }: CommandContext): Promise<number> {
  for (const name of ["config", "run-dir"]) {
    if (options.value(name) !== null) {
      throw new UserError(`cox run reads no configuration: leave --${name} out`);
    }
  }
  const [program = "", ...args] = options.operands;
  const ports = options.values("port").map((text) => absolute(parsePort(text), io.cwd));
  for (const port of ports) checkFile(port);
  const raw = runConfig({
    program,
    args,
    ports,
    permissions: parsePermissions(options.values("allow")),
    env: parseEnvironment(options.values("env")),
  });
  const validation = validateConfig(raw);
  if (validation.kind === "invalid") return refuse(io, validation.issues);
  const runDir = Deno.makeTempDirSync({ prefix: "cox-run-" });
  try {
    const prepared: Prepared = await prepare(validation.config, {
      configPath: `${io.cwd}/cox-run`,
      runDir,
      mode: "up",
      denoPath: denoPath(),
    });
    if (prepared.kind === "refused") return refuse(io, prepared.issues);
    Deno.writeTextFileSync(`${runDir}/import_map.json`, prepared.importMap);
    return await runForeground(prepared.plan, log);
  } finally {
    Deno.removeSync(runDir, { recursive: true });
  }
}

function refuse(io: CommandContext["io"], issues: readonly ConfigIssue[]): number {
  io.err(formatIssues("cox run", issues.filter(({ severity }) => severity === "error")) + "\n");
  return EXIT.user;
}

function absolute(port: RunPort, cwd: string): RunPort {
  const { end } = port;
  return end.kind === "file"
    ? { ...port, end: { ...end, path: absolutePath(end.path, cwd) } }
    : port;
}

/** The shell would say so too, and the program would see an empty input. */
function checkFile({ name, end }: RunPort): void {
  if (end.kind !== "file" || end.direction !== "read") return;
  try {
    Deno.openSync(end.path).close();
  } catch (error) {
    throw new UserError(`Cannot read ${end.path} for --port ${name}: ${(error as Error).message}`);
  }
}
