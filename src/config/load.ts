/**
 * From a configuration file to a checked Config. Owns the order of the work: the evaluation
 * runs while zod loads and the modules are inspected, and counts only if they pass. Must not
 * know: the plan, the command line.
 */
import { type ImportMap, ProjectError, withCoxNames } from "../plan/import_map.ts";
import { readProject } from "../plan/probe/project.ts";
import { extensionOf, fileUrl, parentDirectory } from "../plan/paths.ts";
import { variableRule } from "./check_environment.ts";
import type { Config, ConfigIssue } from "./config.ts";
import { evaluate } from "./evaluate.ts";
import { errorAt, show, warningAt } from "./issue.ts";
import { locateConfig } from "./locate.ts";
import { inspectModules } from "./module_policy.ts";
import { SandboxError } from "./sandbox.ts";

/** How to load. */
export interface LoadOptions {
  /** Names of environment variables that the configuration may read. */
  readonly env: readonly string[];
  /** Path of the Deno executable that evaluates it. */
  readonly denoPath: string;
  /** The runtime's cache folder (DENO_DIR), absolute. */
  readonly denoDir: string;
  /** The folder that holds this cox's `src`. */
  readonly coxDir: string;
  /** @default 10000 */
  readonly timeoutMs?: number;
  /** Receives what the configuration prints: text of a program that nobody has checked. */
  readonly onOutput: (text: string) => void;
}

/** A checked configuration with its warnings, or everything that is wrong with it. */
export type LoadResult =
  | {
    readonly kind: "loaded";
    readonly config: Config;
    readonly issues: ConfigIssue[];
    /** Absolute path of the file. */
    readonly path: string;
  }
  | { readonly kind: "invalid"; readonly issues: ConfigIssue[]; readonly path: string | null };

/** Deno itself and the loader read these: they would change how the child works. */
const REFUSED_VARIABLES = /^(DENO_|LD_|NODE_OPTIONS$|V8_|SSL_)/;
const TIMEOUT_MS = 10_000;

/**
 * Loads and checks a configuration.
 *
 * TypeScript and JavaScript are evaluated in a Deno child without permissions; JSON is parsed.
 * Each call sees the file as it is then.
 *
 * @param path The file, or a folder that holds `supervisor.config.ts`, `.js`, `.mjs` or `.json`.
 * @param options The sandbox.
 * @returns The configuration, or all issues. Never throws for anything in the file.
 */
export async function loadConfig(path: string, options: LoadOptions): Promise<LoadResult> {
  const located = await locateConfig(path);
  if (located.kind === "missing") return invalid([located.issue], null);
  const read = extensionOf(located.path) === ".json"
    ? await readJson(located.path)
    : await readModule(located.path, options);
  if (read.kind === "failed") return invalid(read.issues, located.path);
  const { validateConfig } = await import("./validate.ts");
  const checked = validateConfig(read.data);
  const issues = [...read.issues, ...checked.issues];
  if (checked.kind === "invalid") return invalid(issues, located.path);
  return { kind: "loaded", config: checked.config, issues, path: located.path };
}

type Read =
  | { readonly kind: "data"; readonly data: unknown; readonly issues: ConfigIssue[] }
  | { readonly kind: "failed"; readonly issues: ConfigIssue[] };

async function readJson(path: string): Promise<Read> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    return failed(errorAt([], `the configuration cannot be read: ${messageOf(error)}`));
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    return failed(errorAt([], `the configuration is no JSON: ${messageOf(error)}`));
  }
  // `$schema` tells an editor where the documentation is; it configures nothing.
  const isObject = typeof data === "object" && data !== null && !Array.isArray(data);
  if (isObject && Object.hasOwn(data as object, "$schema")) {
    delete (data as Record<string, unknown>)["$schema"];
  }
  return { kind: "data", data, issues: [] };
}

async function readModule(path: string, options: LoadOptions): Promise<Read> {
  const variables = pickVariables(options.env);
  if (variables.issues.some((issue) => issue.severity === "error")) {
    return { kind: "failed", issues: variables.issues };
  }
  try {
    const project = readProject(parentDirectory(path));
    // A configuration loads nothing of cox's that has names of its own.
    const importMap = withCoxNames(project.importMap, { dir: options.coxDir, imports: {} });
    const projectRoot = parentDirectory(project.path ?? path);
    const result = await evaluateInspected({ path, projectRoot, importMap, options, variables });
    return result.kind === "data"
      ? { ...result, issues: [...variables.issues, ...result.issues] }
      : result;
  } catch (error) {
    if (error instanceof ProjectError || error instanceof SandboxError) {
      return failed(errorAt([], error.message));
    }
    throw error;
  }
}

interface Inspected {
  readonly path: string;
  readonly projectRoot: string;
  readonly importMap: ImportMap;
  readonly options: LoadOptions;
  readonly variables: Variables;
}

async function evaluateInspected(request: Inspected): Promise<Read> {
  const { path, projectRoot, importMap, options, variables } = request;
  const { denoPath, denoDir, coxDir } = options;
  const configUrl = fileUrl(path);
  const cancel = new AbortController();
  const shared = { configUrl, projectRoot, coxDir, denoPath, denoDir, importMap };
  const evaluation = evaluate({
    ...shared,
    env: variables.env,
    envNames: variables.names,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
    signal: cancel.signal,
  });
  const inspection = inspectModules(shared).then((issues) => {
    if (issues.length > 0) cancel.abort();
    return issues;
  });
  // Started now, so that zod loads while the children run; a failure surfaces where it is used.
  const checks = import("./validate.ts");
  const [evaluated, refused] = await Promise.all([evaluation, inspection, checks]);
  if (refused.length > 0) return { kind: "failed", issues: refused };
  if (evaluated.output.trim() !== "") options.onOutput(evaluated.output);
  return evaluated.kind === "data"
    ? { kind: "data", data: evaluated.data, issues: [] }
    : { kind: "failed", issues: evaluated.issues };
}

interface Variables {
  readonly names: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly issues: ConfigIssue[];
}

function pickVariables(names: readonly string[]): Variables {
  const env: Record<string, string> = {};
  const issues: ConfigIssue[] = [];
  for (const name of names) {
    const rule = variableRule(name) ?? (/[,*]/.test(name) ? 'must not contain "," or "*"' : null);
    if (rule !== null) {
      issues.push(errorAt([], `a variable's name ${rule}, is ${show(name)}`));
      continue;
    }
    if (REFUSED_VARIABLES.test(name)) {
      issues.push(
        errorAt([], `${name} changes how the configuration is evaluated`, "leave it out"),
      );
      continue;
    }
    const value = Deno.env.get(name);
    if (value === undefined) issues.push(warningAt([], `the variable ${name} is not set`));
    else env[name] = value;
  }
  return { names, env, issues };
}

function invalid(issues: ConfigIssue[], path: string | null): LoadResult {
  return { kind: "invalid", issues, path };
}

function failed(issue: ConfigIssue): Read {
  return { kind: "failed", issues: [issue] };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
