/** `cox permissions`. */
import { permissionReport } from "../plan/permission_report.ts";
import type { CommandContext } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { locateConfig, locateRunDir } from "./locate.ts";
import { coxDir, preparePlan, printIssues } from "./prepare_plan.ts";

export async function run(context: CommandContext): Promise<number> {
  const configPath = locateConfig(context);
  const runDir = await locateRunDir(context);
  const prepared = await preparePlan(context, { configPath, runDir, mode: "check" });
  printIssues(context, configPath, prepared.issues);
  if (prepared.kind === "refused") return EXIT.user;
  const format = context.options.flag("json") ? "json" : "text";
  context.io.out(permissionReport(prepared.plan, coxDir(), format));
  return EXIT.ok;
}
