/**
 * From a checked configuration to a plan that will run here: the one way that `check` and `up`
 * share. Owns the order: facts, plan, module cache. Must not know: who asks, the run directory.
 */
import type { Config, ConfigIssue } from "../../config/config.ts";
import { compile } from "../compile.ts";
import { activeProcesses } from "../expand.ts";
import { type Facts, programSpecifier } from "../facts.ts";
import { ProjectError } from "../import_map.ts";
import type { Plan } from "../plan.ts";
import { wantedImportHosts } from "../wanted_facts.ts";
import { type CoxInstallation, coxInstallation } from "./cox_installation.ts";
import { gatherFacts } from "./gather_facts.ts";
import { checkModules, warmModules } from "./warm_modules.ts";

/** What `prepare` is told. */
export interface PrepareOptions {
  /** Absolute path of the configuration file. */
  readonly configPath: string;
  /** Absolute; it need not exist. */
  readonly runDir: string;
  /** Active profiles. @default [] */
  readonly profiles?: readonly string[];
  /** `up` downloads modules that are missing; `check` never uses the network. */
  readonly mode: "check" | "up";
  /** cox's own environment. @default that of this process */
  readonly environment?: Readonly<Record<string, string>>;
  /** The runtime's binary. @default the one that runs this, links resolved */
  readonly denoPath?: string;
  /** Asks the kernel what one of our pipes may hold. @default 1 MiB, as on a usual machine */
  readonly pipeBytesMax?: () => number | null;
  /** Reads a file of the kernel's. @default by Deno, which asks every permission for that */
  readonly readKernelFile?: (path: string) => string | null;
  /** The running cox. @default the one that this module belongs to */
  readonly cox?: CoxInstallation;
  /** Aborts downloads. */
  readonly signal?: AbortSignal;
}

/** `/proc/sys/fs/pipe-max-size` where nobody has changed it (pipe(7)). */
const USUAL_PIPE_BYTES_MAX = 1 << 20;

/** A plan with its import map and warnings, or everything that is wrong. */
export type Prepared =
  | {
    readonly kind: "ready";
    readonly plan: Plan;
    /** JSON text for `<runDir>/import_map.json`. */
    readonly importMap: string;
    /** Warnings. */
    readonly issues: readonly ConfigIssue[];
  }
  | { readonly kind: "refused"; readonly issues: readonly ConfigIssue[] };

/**
 * Gathers facts, compiles, and makes sure that every module is in the cache. Runs no program of
 * the configuration and writes nothing but the runtime's module cache (`up` alone).
 *
 * @param config The configuration, already checked by the schema.
 * @param options Where everything is.
 * @throws {Error} If the runtime cannot be asked about modules.
 */
export async function prepare(config: Config, options: PrepareOptions): Promise<Prepared> {
  const gather = {
    configPath: options.configPath,
    runDir: options.runDir,
    profiles: options.profiles ?? [],
    environment: options.environment ?? Deno.env.toObject(),
    cox: options.cox ?? coxInstallation(),
    denoPath: options.denoPath ?? Deno.realPathSync(Deno.execPath()),
    pipeBytesMax: options.pipeBytesMax ?? (() => USUAL_PIPE_BYTES_MAX),
    readKernelFile: options.readKernelFile ?? readText,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  let facts: Facts;
  try {
    facts = await gatherFacts(config, gather);
  } catch (error) {
    if (!(error instanceof ProjectError)) throw error;
    const issue = { severity: "error", path: [], message: error.message, fix: null } as const;
    return { kind: "refused", issues: [issue] };
  }
  const compilation = compile(config, facts);
  if (compilation.kind === "refused") return compilation;
  const missing = await missingModules(config, facts, options);
  if (missing !== null) return { kind: "refused", issues: [...compilation.issues, missing] };
  const { plan, issues } = compilation;
  return { kind: "ready", plan, importMap: facts.importMap, issues };
}

/** Fills or checks the cache; local programs need none. */
async function missingModules(
  config: Config,
  facts: Facts,
  options: PrepareOptions,
): Promise<ConfigIssue | null> {
  const remote = [...facts.programs].filter(([, program]) => program.remote);
  if (remote.length === 0) return null;
  const processes = activeProcesses(config, facts.profiles);
  const resolve = options.mode === "up" ? warmModules : checkModules;
  const result = await resolve(remote.map(([specifier]) => specifier), {
    denoPath: facts.denoPath,
    environment: { ...facts.environment, DENO_DIR: facts.denoDir },
    importMap: facts.importMap,
    lockPath: facts.lockPath,
    importHosts: wantedImportHosts(processes),
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  if (result.kind === "complete") return null;
  const culprits = processes.filter(([, { run }]) =>
    run.kind === "deno" && facts.programs.get(programSpecifier(run, facts.projectDir))?.remote
  );
  return {
    severity: "error",
    path: culprits.length === 1 ? ["processes", culprits[0]![0], "run", "path"] : ["processes"],
    message: `a module is missing: ${result.message}`,
    fix: options.mode === "check"
      ? "`cox up` downloads what is missing; `deno cache` does so now"
      : "check the name, the network, and that deno.lock is up to date (`deno install`)",
  };
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
