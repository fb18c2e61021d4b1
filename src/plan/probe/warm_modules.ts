/**
 * The module cache before a start: filled (`warmModules`) or only looked at (`checkModules`),
 * so that `--cached-only` children never miss a module. Must not know: which process runs what.
 */
import { importMapUrl, rootModule } from "./module_facts.ts";
import { type CommandOptions, failureText, runtimeCommand } from "./runtime_command.ts";

/** What the programs are resolved with; the children get the same. */
export interface ModuleCacheOptions extends CommandOptions {
  /** JSON text. */
  readonly importMap: string;
  /** The project's lock file; it must already hold what the programs import. */
  readonly lockPath: string | null;
  /** Hosts that modules may come from, besides the runtime's defaults. */
  readonly importHosts: readonly string[];
}

/** Whether every module is in the cache; `message` names the first that is not. */
export type ModuleCacheResult =
  | { readonly kind: "complete" }
  | { readonly kind: "incomplete"; readonly message: string };

/**
 * Downloads what is missing, in one run for all programs.
 *
 * @param specifiers Programs.
 * @param options What they are resolved with.
 */
export async function warmModules(
  specifiers: readonly string[],
  options: ModuleCacheOptions,
): Promise<ModuleCacheResult> {
  return await resolved(["cache", ...commonFlags(options), ...specifiers], options);
}

/**
 * Looks whether everything is there; never uses the network, never runs a program's code.
 *
 * @param specifiers Programs.
 * @param options What they are resolved with.
 */
export async function checkModules(
  specifiers: readonly string[],
  options: ModuleCacheOptions,
): Promise<ModuleCacheResult> {
  // The runtime loads the whole static graph before it evaluates anything, and evaluates imports
  // in order: the first one ends the process, before any of the others has run.
  const exit = `import ${JSON.stringify("data:text/javascript,Deno.exit(0)")};`;
  const root = rootModule(specifiers, exit);
  const flags = ["--no-prompt", "--cached-only", ...commonFlags(options)];
  return await resolved(["run", ...flags, root], options);
}

function commonFlags(options: ModuleCacheOptions): string[] {
  return [
    "--no-config",
    ...(options.lockPath === null ? ["--no-lock"] : [`--lock=${options.lockPath}`, "--frozen"]),
    `--import-map=${importMapUrl(options.importMap)}`,
    ...(options.importHosts.length === 0
      ? []
      : [`--allow-import=${options.importHosts.join(",")}`]),
  ];
}

async function resolved(
  args: readonly string[],
  options: CommandOptions,
): Promise<ModuleCacheResult> {
  const output = await runtimeCommand(args, options);
  if (output.success) return { kind: "complete" };
  return { kind: "incomplete", message: failureText(output.stderr) };
}
