/**
 * The local module graphs of a crew's programs, asked of the runtime without the network.
 * Must not know: what is done with the files.
 */
import type { ProgramFact } from "../facts.ts";
import { type ModuleGraphJson, programFact } from "../module_graph.ts";
import { type CommandOptions, failureText, runtimeCommand } from "./runtime_command.ts";

/** Characters of specifiers in one question; an argument may have 131,071 bytes. */
const QUESTION_CHARACTERS_MAX = 30_000;
/** Questions at once. */
const CONCURRENCY = 2;

/** How to ask. */
export interface ModuleFactsOptions extends CommandOptions {
  /** JSON text. */
  readonly importMap: string;
}

/**
 * Finds the files of each program: one question for many programs, since starting the runtime
 * costs more than the answer.
 *
 * Remote modules are taken as they are named: they cannot import local files.
 *
 * @param specifiers Programs.
 * @param options How to ask.
 * @returns By specifier.
 * @throws {Error} If the runtime cannot be asked, for example because it is too old.
 */
export async function moduleFacts(
  specifiers: readonly string[],
  options: ModuleFactsOptions,
): Promise<Map<string, ProgramFact>> {
  const facts = new Map<string, ProgramFact>();
  const questions = chunks(specifiers);
  const ask = async () => {
    for (let next = questions.shift(); next !== undefined; next = questions.shift()) {
      const graph = await moduleGraph(next, options);
      for (const specifier of next) facts.set(specifier, programFact(graph, specifier));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, ask));
  return facts;
}

async function moduleGraph(
  specifiers: readonly string[],
  options: ModuleFactsOptions,
): Promise<ModuleGraphJson> {
  const output = await runtimeCommand([
    "info",
    "--json",
    "--no-config",
    "--no-lock",
    "--no-remote",
    "--no-npm",
    `--import-map=${importMapUrl(options.importMap)}`,
    rootModule(specifiers),
  ], options);
  if (!output.success) {
    throw new Error(`Cannot read the module graph: ${failureText(output.stderr)}`);
  }
  return JSON.parse(output.stdout) as ModuleGraphJson;
}

/** A module that exists in its URL alone and imports all programs; it is never run as it is. */
export function rootModule(specifiers: readonly string[], before = ""): string {
  const imports = specifiers.map((specifier) => `import ${JSON.stringify(specifier)};`);
  return `data:text/javascript,${encodeURIComponent(before + imports.join(""))}`;
}

/** The import map as an argument, so that nothing has to be written before a check. */
export function importMapUrl(importMap: string): string {
  return `data:application/json,${encodeURIComponent(importMap)}`;
}

function chunks(specifiers: readonly string[]): string[][] {
  const list: string[][] = [];
  let characters = Infinity;
  for (const specifier of specifiers) {
    if (characters + specifier.length > QUESTION_CHARACTERS_MAX) {
      list.push([]);
      characters = 0;
    }
    list.at(-1)!.push(specifier);
    characters += specifier.length;
  }
  return list;
}
