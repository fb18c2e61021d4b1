/**
 * The import map of a crew: the project's own names and cox's, with every address absolute.
 * Children run without configuration files, so that this is all they resolve names by.
 * Must not know: where the texts come from.
 */
import { fileUrl } from "./paths.ts";

/** `imports` and `scopes`, as deno.json and import map files have them. */
export interface ImportMapJson {
  readonly imports?: Readonly<Record<string, string>>;
  readonly scopes?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** What the map is made of. */
export interface ImportMapRequest {
  /** The project's map and the absolute directory that it is relative to; null: none. */
  readonly project: { readonly json: ImportMapJson; readonly dir: string } | null;
  /** cox's own folder, and the names that its code uses. */
  readonly cox: { readonly dir: string; readonly imports: Readonly<Record<string, string>> };
}

/**
 * Builds the map. `coxswain` and `coxswain/child` always mean the cox that runs, and cox's own
 * code keeps its own names whatever the project calls them.
 *
 * @param request What to build it from.
 * @returns JSON text.
 */
export function buildImportMap(request: ImportMapRequest): string {
  const { project, cox } = request;
  const coxImports = resolveImports(cox.imports, cox.dir);
  const own: Record<string, string> = {
    "coxswain": fileUrl(`${cox.dir}/src/config/mod.ts`),
    "coxswain/child": fileUrl(`${cox.dir}/src/child/mod.ts`),
  };
  const scopes: Record<string, Record<string, string>> = {};
  for (const [scope, imports] of Object.entries(project?.json.scopes ?? {})) {
    scopes[resolveAddress(scope, project!.dir)] = resolveImports(imports, project!.dir);
  }
  scopes[folderUrl(`${cox.dir}/src`)] = coxImports;
  const imports = project === null ? {} : resolveImports(project.json.imports ?? {}, project.dir);
  return JSON.stringify({ imports: { ...imports, ...own }, scopes });
}

function resolveImports(
  imports: Readonly<Record<string, string>>,
  dir: string,
): Record<string, string> {
  const resolved: Record<string, string> = {};
  for (const [name, address] of Object.entries(imports)) {
    resolved[resolveAddress(name, dir)] = resolveAddress(address, dir);
    const deep = packageFolder(name, address);
    // In deno.json "x": "npm:x@1" also means "x/": "npm:/x@1/"; in an import map it does not.
    if (deep !== null && !Object.hasOwn(imports, `${name}/`)) resolved[`${name}/`] = deep;
  }
  return resolved;
}

/** Makes `./x`, `../x` and `/x` absolute; leaves bare names and URLs alone. */
function resolveAddress(address: string, dir: string): string {
  return /^\.{0,2}\//.test(address) ? new URL(address, folderUrl(dir)).href : address;
}

function folderUrl(dir: string): string {
  const url = fileUrl(dir);
  return url.endsWith("/") ? url : `${url}/`;
}

function packageFolder(name: string, address: string): string | null {
  const match = /^(npm|jsr):\/?(.+)$/.exec(address);
  if (match === null || name.endsWith("/") || address.endsWith("/")) return null;
  return `${match[1]}:/${match[2]}/`;
}
