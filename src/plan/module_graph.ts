/**
 * Reads what `deno info --json` says about modules. Owns the walk from a program to its files
 * and errors. Must not know: how the runtime is asked.
 */
import type { ProgramFact } from "./facts.ts";

/** The part of the answer that is used. */
export interface ModuleGraphJson {
  readonly modules: readonly ModuleJson[];
  /** Requested to resolved specifier. */
  readonly redirects?: Readonly<Record<string, string>>;
}

/** One module: a resolved one has `local`, a failed one `error`. */
export interface ModuleJson {
  readonly specifier: string;
  readonly local?: string | null;
  readonly error?: string;
  readonly dependencies?: readonly DependencyJson[];
}

/** One import: `code` where it exists at run time, `type` where it is a type's alone. */
export interface DependencyJson {
  readonly specifier: string;
  readonly code?: { readonly specifier?: string; readonly error?: string };
  readonly isDynamic?: boolean;
}

/**
 * Collects what one program consists of.
 *
 * Static imports must resolve; a dynamic one may fail when it is reached, as the program
 * may expect it to, so that it adds files but never errors. Remote modules are not looked into.
 *
 * @param graph The answer; may hold other programs too.
 * @param root Specifier of the program.
 */
export function programFact(graph: ModuleGraphJson, root: string): ProgramFact {
  const bySpecifier = new Map(graph.modules.map((module) => [module.specifier, module]));
  const files = new Set<string>();
  const errors = new Set<string>();
  const seen = new Set<string>();
  let remote = false;
  const dynamic: string[] = [];

  const walk = (start: string, isDynamic: boolean) => {
    const pending: { specifier: string; importer: string | null }[] = [
      { specifier: start, importer: null },
    ];
    while (pending.length > 0) {
      const { specifier: requested, importer } = pending.pop()!;
      const specifier = graph.redirects?.[requested] ?? requested;
      if (seen.has(specifier)) continue;
      seen.add(specifier);
      if (isRemote(specifier)) {
        remote = true;
        continue;
      }
      const module = bySpecifier.get(specifier);
      if (module?.error !== undefined && !isDynamic) errors.add(located(module.error, importer));
      // One that is not there, or is no module, is read all the same when a program begins.
      const file = typeof module?.local === "string" ? module.local : pathOf(specifier);
      if (file !== null) files.add(file);
      for (const { code, ...dependency } of module?.dependencies ?? []) {
        if (code?.specifier !== undefined) {
          if (dependency.isDynamic) dynamic.push(code.specifier);
          else pending.push({ specifier: code.specifier, importer: specifier });
        } else if (code?.error !== undefined && !dependency.isDynamic && !isDynamic) {
          errors.add(located(code.error, specifier));
        }
      }
    }
  };
  walk(root, false);
  while (dynamic.length > 0) walk(dynamic.pop()!, true);
  return { files: [...files].sort(), remote, errors: [...errors] };
}

function isRemote(specifier: string): boolean {
  return /^(?:npm|jsr|https?):/.test(specifier);
}

/** The path of a `file:` URL; null for others. */
function pathOf(specifier: string): string | null {
  const url = URL.parse(specifier);
  return url?.protocol === "file:" ? decodeURIComponent(url.pathname) : null;
}

/** One line: the code frames of syntax errors are dropped, their position is kept. */
function located(error: string, importer: string | null): string {
  const lines = error.split("\n");
  const position = lines.find((line) => /^\s+at \S+$/.test(line))?.trim();
  const where = position ?? (importer === null ? null : `imported by ${importer}`);
  const first = lines[0]!.replace(/\.$/, "");
  return where === null || first.includes(importer ?? "\0") ? first : `${first} (${where})`;
}
