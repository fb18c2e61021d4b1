/** `cox run`. */
import type { ConfigIssue } from "../config/config.ts";
import { formatIssues } from "../config/format_issue.ts";
import { validateConfig } from "../config/validate.ts";
import type { Prepared } from "../plan/probe/prepare.ts";
import { coxInstallation } from "../plan/probe/cox_installation.ts";
import { prepare } from "../plan/probe/prepare.ts";
import type { CommandContext } from "./command.ts";
import { denoPath } from "./deno_path.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { absolutePath } from "./locate.ts";
import { parseEnvironment, parsePermissions, runConfig } from "./run_config.ts";
import { runForeground } from "./run_foreground.ts";
import { parsePort, type RunEnd, type RunPort } from "./run_port.ts";

export async function run({ options, io, log }: CommandContext): Promise<number> {
  for (const name of ["config", "run-dir"]) {
    if (options.value(name) !== null) {
      throw new UserError(`cox run reads no configuration: leave --${name} out`);
    }
  }
  const [program = "", ...args] = options.operands;
  const ports = options.values("port").map(parsePort)
    .map(({ name, end }) => ({ name, end: absolute(end, io.cwd) }));
  const cox = coxInstallation();
  for (const port of ports) checkFile(port);
  const raw = runConfig({
    program,
    args,
    ports,
    permissions: parsePermissions(options.values("allow")),
    env: parseEnvironment(options.values("env")),
    coxDir: cox.dir,
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
      cox,
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

function absolute<E extends RunEnd>(end: E, cwd: string): E {
  if (end.kind === "file") return { ...end, path: absolutePath(end.path, cwd) };
  if (end.kind !== "mailbox" || end.lines === null) return end;
  return { ...end, lines: absolute(end.lines, cwd) };
}

/**
 * The shell would say so too, and the program would see an empty input. A named pipe is not opened:
 * who writes to it would take us for its reader.
 */
function checkFile({ name, end }: RunPort): void {
  const stream = end.kind === "mailbox" ? end.lines : end;
  if (stream?.kind !== "file" || stream.direction !== "read") return;
  const refused = (why: string) =>
    new UserError(`Cannot read ${stream.path} for --port ${name}: ${why}`);
  try {
    const { isFile, isDirectory } = Deno.statSync(stream.path);
    if (isDirectory) throw refused("it is a folder");
    if (isFile) Deno.openSync(stream.path).close();
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw refused((error as Error).message);
  }
}
