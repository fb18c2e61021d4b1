/** `cox doctor`: one line for each thing that this machine has or lacks. */
import type { CommandContext } from "./command.ts";
import { diagnose } from "./diagnose.ts";
import { EXIT } from "./exit_codes.ts";
import type { Finding } from "./finding.ts";

export async function run(context: CommandContext): Promise<number> {
  const { io, options, color } = context;
  const findings = await diagnose(context);
  const exit = findings.some(({ status }) => status === "broken") ? EXIT.refused : EXIT.ok;
  if (options.flag("json")) {
    io.out(JSON.stringify({ findings }, null, 2) + "\n");
    return exit;
  }
  const width = Math.max(...findings.map(({ name }) => name.length));
  for (const finding of findings) io.out(formatFinding(finding, width, color) + "\n");
  return exit;
}

const COLORS = { ok: 32, lost: 33, broken: 31 } as const;

/** `lost    cgroup.kill  no cgroup v2 is mounted; lost: …` */
export function formatFinding(finding: Finding, width: number, color: boolean): string {
  const status = finding.status.padEnd(6);
  const shown = color ? `\x1b[${COLORS[finding.status]}m${status}\x1b[0m` : status;
  const consequence = finding.consequence === null ? "" : ` — ${finding.consequence}`;
  return `${shown}  ${finding.name.padEnd(width)}  ${finding.detail}${consequence}`;
}
