/** `cox graph`. */
import { formatGraph, type GraphFormat } from "../plan/graph_format.ts";
import type { CommandContext } from "./command.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { locateConfig, locateRunDir } from "./locate.ts";
import { preparePlan, printIssues } from "./prepare_plan.ts";

const FORMATS: readonly GraphFormat[] = ["text", "mermaid", "dot", "json"];

export async function run(context: CommandContext): Promise<number> {
  const format = parseFormat(context.options.value("format"));
  const configPath = locateConfig(context);
  const runDir = await locateRunDir(context);
  const prepared = await preparePlan(context, { configPath, runDir, mode: "check" });
  printIssues(context, configPath, prepared.issues);
  if (prepared.kind === "refused") return EXIT.user;
  context.io.out(formatGraph(prepared.plan, format));
  return EXIT.ok;
}

function parseFormat(text: string | null): GraphFormat {
  const format = FORMATS.find((candidate) => candidate === (text ?? "text"));
  if (format !== undefined) return format;
  throw new UserError(`Option --format must be one of ${FORMATS.join(", ")}, is "${text}"`);
}
