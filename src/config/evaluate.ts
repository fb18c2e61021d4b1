/**
 * Evaluates a configuration module in a Deno child of its own and reads back data. Owns the
 * child's command line and the wording of everything that can go wrong in it. Must not know:
 * what a configuration means.
 */
import { filePath, fileUrl, relativeTo, resolvePath } from "../plan/paths.ts";
import type { ConfigIssue } from "./config.ts";
import type { Evaluated } from "./evaluated.ts";
import type { ImportMap } from "../plan/import_map.ts";
import { errorAt } from "./issue.ts";
import { readReport } from "./read_report.ts";
import { importMapArgument, runSandbox, type SandboxRun } from "./sandbox.ts";
import { closeStorage, STORAGE_ORIGIN } from "./storage.ts";

/** What to evaluate. */
export interface Evaluation {
  /** `file:` URL of the configuration. */
  readonly configUrl: string;
  readonly projectRoot: string;
  readonly coxDir: string;
  readonly denoPath: string;
  /** The runtime's cache folder. */
  readonly denoDir: string;
  readonly importMap: ImportMap;
  /** The environment variables that it may read. */
  readonly env: Readonly<Record<string, string>>;
  /** Names that it may ask for, whether they are set or not. */
  readonly envNames: readonly string[];
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Data, or what went wrong; with what the configuration printed. */
export type EvaluationResult =
  & { readonly output: string }
  & (
    | { readonly kind: "data"; readonly data: unknown }
    | { readonly kind: "failed"; readonly issues: ConfigIssue[] }
  );

const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Evaluates a configuration.
 *
 * The child reads nothing but the modules of its static import graph, and of the environment
 * what is named. It is killed when it takes too long or prints too much.
 *
 * @param options What to evaluate, and the limits.
 * @returns Its data; or issues that name the line of the configuration where one is known.
 * @throws {SandboxError} If the child cannot be started.
 */
export async function evaluate(options: Evaluation): Promise<EvaluationResult> {
  const marker = `cox-config-${crypto.randomUUID()}`;
  await closeStorage(options.denoDir);
  const run = await runSandbox({
    denoPath: options.denoPath,
    denoDir: options.denoDir,
    args: childArguments(options, marker),
    env: options.env,
    timeoutMs: options.timeoutMs,
    outputBytesMax: OUTPUT_BYTES_MAX,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  const at = run.stdout.lastIndexOf(`\n${marker} `);
  const printed = at === -1 ? run.stdout : run.stdout.slice(0, at);
  if (at === -1 || run.killed !== null) {
    const output = printed.slice(0, 65_536);
    return { kind: "failed", output, issues: [withoutReport(run, options)] };
  }
  const output = printed + run.stderr;
  const evaluated = readReport(run.stdout.slice(at + marker.length + 2));
  if (evaluated === null) {
    const why = "the configuration wrote over the report of its own evaluation";
    return { kind: "failed", output, issues: [errorAt([], why)] };
  }
  if (evaluated.kind === "data") return { kind: "data", output, data: evaluated.data };
  return { kind: "failed", output, issues: failure(evaluated, options) };
}

function childArguments(options: Evaluation, marker: string): string[] {
  const evaluated = fileUrl(resolvePath(options.coxDir, "src/config/evaluated.ts"));
  // The import is literal: Deno lets a literal import of a local file pass without permission.
  const main = `import { report } from ${JSON.stringify(evaluated)};\n` +
    `await report(${JSON.stringify(marker)}, () => import(${JSON.stringify(options.configUrl)}));`;
  return [
    "run",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    "--cached-only",
    `--location=${STORAGE_ORIGIN}`,
    "--v8-flags=--max-old-space-size=512",
    importMapArgument(options.importMap),
    ...(options.envNames.length === 0 ? [] : [`--allow-env=${options.envNames.join(",")}`]),
    `data:text/javascript,${encodeURIComponent(main)}`,
  ];
}

/** The child ended, or was ended, before it could report. */
function withoutReport(run: SandboxRun, options: Evaluation): ConfigIssue {
  if (run.killed === "timeout") {
    return errorAt(
      [],
      `the configuration took longer than ${options.timeoutMs / 1000} s to evaluate`,
      "look for a loop, or for something that it waits for",
    );
  }
  if (run.killed === "output") {
    return errorAt(
      [],
      `the configuration must be at most ${OUTPUT_BYTES_MAX} bytes with all that it prints`,
    );
  }
  if (run.stderr.includes("Top-level await promise never resolved")) {
    return errorAt([], "the configuration waits for a promise that never resolves");
  }
  if (/out of memory/i.test(run.stderr)) {
    return errorAt([], "the configuration ran out of memory (512 MiB)");
  }
  const uncaught = /^error: Uncaught (?:\(in [^)]*\) )?(.*)$/m.exec(run.stderr)?.[1];
  if (uncaught !== undefined) {
    return errorAt([], `${placeIn(run.stderr, options)}: ${uncaught}`);
  }
  const how = run.signal === null ? `exit code ${run.code}` : run.signal;
  const why = run.stderr.trim().split("\n")[0] ?? "";
  return errorAt(
    [],
    `the configuration ended before it was evaluated (${how})${why === "" ? "" : `: ${why}`}`,
    "it must not call Deno.exit()",
  );
}

function failure(
  evaluated: Exclude<Evaluated, { kind: "data" }>,
  options: Evaluation,
): ConfigIssue[] {
  switch (evaluated.kind) {
    case "noDefault": {
      const exports = evaluated.exports.map((name) => JSON.stringify(name)).join(", ");
      const instead = exports === "" ? "nothing" : exports;
      return [errorAt(
        [],
        `the configuration has no default export: it exports ${instead}`,
        "export default defineConfig({ … })",
      )];
    }
    case "notData":
      return evaluated.problems.map(({ path, what }) =>
        path.length === 0
          ? errorAt(path, `the default export must be an object, is ${what}`, DEFAULT_FIX)
          : errorAt(path, `${JSON.stringify(String(path.at(-1)))} must be plain data, is ${what}`)
      );
    case "threw":
      return [thrown(evaluated, options)];
  }
}

const DEFAULT_FIX = "export default defineConfig({ … })";

function thrown(
  error: Extract<Evaluated, { kind: "threw" }>,
  options: Evaluation,
): ConfigIssue {
  const message = withoutAdvice(error.message.split("\n")[0] ?? "");
  // A syntax error comes wrapped in a TypeError whose message begins with its own name.
  const named = error.name === "" || error.name === "TypeError" && /^\w*Error: /.test(message)
    ? message
    : `${error.name}: ${message}`;
  const place = placeIn(`${error.message}\n${error.stack}`, options);
  return errorAt([], `${place}: ${named}`, thrownFix(error.name, error.message));
}

/** Deno's advice is for its own command line, and the place is in front already. */
function withoutAdvice(message: string): string {
  return message
    .replace(/, run again with the --allow-[a-z]+ flag$/, "")
    .replace(/ and not in import map from "[^"]*"$/, "")
    .replace(/ at file:\/\/\S+:[0-9]+:[0-9]+$/, "");
}

function thrownFix(name: string, message: string): string | null {
  const variable = /^Requires env access to "([^"]*)"/.exec(message)?.[1];
  if (variable !== undefined) return `pass it on with --env ${variable}`;
  if (name === "NotCapable" || message.startsWith("Requires ")) {
    return "a configuration is evaluated without permissions; what it declares may have them";
  }
  if (/not found in cache|--cached-only/.test(message)) {
    return "fetch it first: deno cache with the configuration's path";
  }
  const bare = /^Import "([^"]*)" not a dependency/.exec(message)?.[1];
  return bare === undefined ? null : `map "${bare}" in imports of the project's deno.json`;
}

/** `supervisor.config.ts:3:7`, of the first line of the trace that is the user's own. */
function placeIn(trace: string, options: Evaluation): string {
  for (const [, url, position] of trace.matchAll(/(file:\/\/[^\s()]+?)(:[0-9]+:[0-9]+)/g)) {
    const path = pathOf(url!);
    if (path === null || path.startsWith(`${options.coxDir}/src/`)) continue;
    return `${relativeTo(options.projectRoot, path)}${position}`;
  }
  return relativeTo(options.projectRoot, filePath(options.configUrl));
}

function pathOf(url: string): string | null {
  try {
    return filePath(url);
  } catch {
    return null;
  }
}
