/**
 * Which modules a configuration may load. Static imports of local files need no permission in
 * Deno, so the graph is inspected: nothing outside the project, no file that is not code or
 * JSON, no `.env`. Must not know: how the configuration is evaluated.
 */
import {
  extensionOf,
  fileName,
  filePath,
  isWithin,
  relativeTo,
  resolvePath,
} from "../plan/paths.ts";
import type { ConfigIssue } from "./config.ts";
import type { ImportMap } from "../plan/import_map.ts";
import { errorAt } from "./issue.ts";
import { importMapArgument, runSandbox } from "./sandbox.ts";

/** What to inspect. */
export interface ModuleInspection {
  /** `file:` URL of the configuration. */
  readonly configUrl: string;
  /** The folder whose modules may be loaded. */
  readonly projectRoot: string;
  readonly coxDir: string;
  readonly denoPath: string;
  /** The runtime's cache folder. */
  readonly denoDir: string;
  readonly importMap: ImportMap;
}

const CODE = [".ts", ".mts", ".cts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", ".wasm", ".json"];
const TIMEOUT_MS = 10_000;
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** The part of `deno info --json` that is used. */
interface Graph {
  readonly modules: readonly GraphModule[];
  readonly redirects?: Readonly<Record<string, string>>;
}
interface GraphModule {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: {
      readonly specifier?: string;
      readonly span?: { readonly start: { readonly line: number; readonly character: number } };
    };
  }[];
}

/**
 * Inspects every module that a configuration loads.
 *
 * A module that does not exist is no issue here: its evaluation says so.
 *
 * @param options The configuration and what it may load.
 * @returns One issue for each import that is refused.
 * @throws {SandboxError} If `deno info` cannot be started.
 */
export async function inspectModules(options: ModuleInspection): Promise<ConfigIssue[]> {
  const run = await runSandbox({
    denoPath: options.denoPath,
    denoDir: options.denoDir,
    // Remote modules and packages are left out: they are in the cache, cannot import local
    // files, and looking into them would need the network.
    args: [
      "info",
      "--json",
      "--no-config",
      "--no-lock",
      "--no-remote",
      "--no-npm",
      importMapArgument(options.importMap),
      options.configUrl,
    ],
    env: {},
    timeoutMs: TIMEOUT_MS,
    outputBytesMax: OUTPUT_BYTES_MAX,
  });
  const graph = run.killed === null && run.code === 0 ? parseGraph(run.stdout) : null;
  if (graph === null) {
    const why = run.killed ?? (run.stderr.split("\n")[0] || `exit code ${run.code}`);
    return [errorAt([], `the modules of the configuration cannot be listed (${why})`)];
  }
  return await checkGraph(graph, options);
}

function parseGraph(text: string): Graph | null {
  try {
    const graph = JSON.parse(text) as Partial<Graph> | null;
    return Array.isArray(graph?.modules) ? graph as Graph : null;
  } catch {
    return null;
  }
}

/** Follows what is loaded as code from the configuration on; types are not loaded. */
async function checkGraph(graph: Graph, options: ModuleInspection): Promise<ConfigIssue[]> {
  const modules = new Map(graph.modules.map((module) => [module.specifier, module]));
  const roots = {
    project: await realPath(options.projectRoot),
    cox: await realPath(resolvePath(options.coxDir, "src")),
  };
  const issues: ConfigIssue[] = [];
  const seen = new Set([options.configUrl]);
  const pending = [options.configUrl];
  for (let at = 0; at < pending.length; at++) {
    const importer = pending[at]!;
    for (const { code } of modules.get(importer)?.dependencies ?? []) {
      if (code?.specifier === undefined) continue;
      const target = graph.redirects?.[code.specifier] ?? code.specifier;
      if (seen.has(target)) continue;
      seen.add(target);
      const refusal = target.startsWith("file:") ? await refuse(target, roots) : null;
      if (refusal === null) {
        pending.push(target);
        continue;
      }
      const start = code.span?.start;
      const where = start === undefined ? "" : `:${start.line + 1}:${start.character + 1}`;
      issues.push(errorAt(
        [],
        `${placeOf(importer, roots.project)}${where} imports ${refusal.path}, ${refusal.why}`,
        refusal.fix,
      ));
    }
  }
  return issues;
}

interface Refusal {
  readonly path: string;
  readonly why: string;
  readonly fix: string;
}

async function refuse(
  url: string,
  roots: { project: string; cox: string },
): Promise<Refusal | null> {
  // The real path, because a link inside the project can lead out of it.
  const path = await realPath(filePath(url));
  const named = filePath(url);
  if (fileName(named).startsWith(".env") || fileName(path).startsWith(".env")) {
    const fix = "pass variables with --env NAME, or use envFiles of a process";
    return { path, why: "which a configuration may not read", fix };
  }
  if (!isWithin(path, roots.project) && !isWithin(path, roots.cox)) {
    const why = `which is outside the project (${roots.project})`;
    return { path, why, fix: "move it into the folder of the project's deno.json" };
  }
  if (!CODE.includes(extensionOf(path)) || !CODE.includes(extensionOf(named))) {
    return {
      path,
      why: "which is neither code nor JSON",
      fix: "put the data into a .json or .ts file",
    };
  }
  return null;
}

function placeOf(url: string, project: string): string {
  if (!url.startsWith("file:")) return url.slice(0, 60);
  const path = filePath(url);
  return relativeTo(project, path);
}

async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return resolvePath("/", path);
    }
    throw error;
  }
}
