/**
 * From the command line to a plan: what `up`, `check`, `graph` and `permissions` share.
 * Must not know: what becomes of the plan.
 */
import type { ConfigIssue } from "../config/config.ts";
import { formatIssues } from "../config/format_issue.ts";
import { loadConfig, type LoadResult } from "../config/load.ts";
import type { Plan } from "../plan/plan.ts";
import { readSmallFile } from "../os/file.ts";
import { pipeBytesMax } from "../os/pipe_limit.ts";
import { denoDirectory } from "../plan/probe/deno_dir.ts";
import { readAccounts } from "../plan/probe/users.ts";
import { terminalText } from "../system/terminal_text.ts";
import type { CommandContext } from "./command.ts";
import { denoPath } from "./deno_path.ts";

/** What to prepare. */
export interface PrepareRequest {
  /** Absolute, links resolved. */
  readonly configPath: string;
  /** Absolute; it need not exist. */
  readonly runDir: string;
  /** `up` may download modules; `check` never uses the network. */
  readonly mode: "check" | "up";
}

/** A plan with the warnings, or everything that is wrong. */
export type PreparedPlan =
  | {
    readonly kind: "ready";
    readonly plan: Plan;
    readonly importMap: string;
    readonly issues: readonly ConfigIssue[];
  }
  | { readonly kind: "refused"; readonly issues: readonly ConfigIssue[] };

/** A configuration on its way: its evaluation runs in a process of its own. */
export type LoadingConfig = Promise<LoadResult>;

/**
 * Starts to load and check the configuration.
 *
 * @param context whose `--env` counts.
 * @param configPath absolute, links resolved.
 */
export function startLoading(context: CommandContext, configPath: string): LoadingConfig {
  const { options, io, log } = context;
  const loading = loadConfig(configPath, {
    env: options.values("env"),
    denoPath: denoPath(),
    denoDir: denoDir(),
    coxDir: coxDir(),
    onOutput: (text) => {
      const lines = text.replace(/\n$/, "").split("\n");
      io.err(lines.map((line) => terminalText(line, false)).join("\n") + "\n");
    },
  });
  // Who waits for it gets its failure; until then it must not end the process.
  loading.then(() => log(`loaded ${configPath}`), () => {});
  return loading;
}

/**
 * Loads, checks and compiles the configuration.
 *
 * @param context whose `--env` and `--profile` count.
 * @param loading what was started before. @default started now
 */
export async function preparePlan(
  context: CommandContext,
  request: PrepareRequest,
  loading: LoadingConfig = startLoading(context, request.configPath),
): Promise<PreparedPlan> {
  // The compiler loads while the configuration is evaluated in its own process.
  const compiler = import("../plan/probe/prepare.ts");
  const [{ prepare }, loaded] = await Promise.all([compiler, loading]);
  if (loaded.kind === "invalid") return { kind: "refused", issues: loaded.issues };
  const prepared = await prepare(loaded.config, {
    ...request,
    profiles: context.options.values("profile"),
    denoPath: denoPath(),
    pipeBytesMax,
    readKernelFile: readSmallFile,
  });
  context.log("compiled the plan");
  return { ...prepared, issues: [...loaded.issues, ...prepared.issues] };
}

/** The runtime's own cache; the account is looked at only where the environment is silent. */
function denoDir(): string {
  const environment = Deno.env.toObject();
  const { users } = environment.HOME ? { users: [] } : readAccounts();
  return denoDirectory(environment, users.find(({ uid }) => uid === Deno.uid()));
}

/** Prints issues to stderr, if there are any. */
export function printIssues(
  { io }: CommandContext,
  configPath: string,
  issues: readonly ConfigIssue[],
): void {
  if (issues.length === 0) return;
  const shown = configPath.startsWith(`${io.cwd}/`)
    ? configPath.slice(io.cwd.length + 1)
    : configPath;
  io.err(formatIssues(shown, issues) + "\n");
}

/** The folder of the cox that runs. */
export function coxDir(): string {
  const here = import.meta.dirname;
  if (here === undefined) throw new Error("Cannot run cox from a URL: install it first");
  return here.slice(0, -"/src/cli".length);
}
