/**
 * The import map that configurations and supervised programs get: the project's own names and
 * cox's, with every address absolute. They run without configuration files, because a
 * deno.json beside a program could redirect what a preload imports, so this is all they resolve
 * names by. Pure. Must not know: where the texts come from.
 */
import { fileUrl } from "./paths.ts";

/** An import map with absolute URLs alone, so that it means the same wherever it lies. */
export interface ImportMap {
  readonly imports: Readonly<Record<string, string>>;
  readonly scopes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** No names. */
export const EMPTY_IMPORT_MAP: ImportMap = { imports: {}, scopes: {} };

/** A project's file, and why it cannot be used. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
  /** The file that is wrong. */
  readonly path: string;

  /**
   * @param path The file that is wrong.
   * @param why What is wrong with it.
   * @param cause The error behind it, if any.
   */
  constructor(path: string, why: string, cause?: unknown) {
    super(`Cannot use ${path}: ${why}`, { cause });
    this.path = path;
  }
}

/**
 * Makes the `imports` and `scopes` of a file absolute. As Deno does for a deno.json, a name that
 * is mapped to an `npm:` or `jsr:` package maps its subpaths too. `coxswain` is left out: it is
 * not the project's to map.
 *
 * @param json The file's content.
 * @param path Its absolute path, to which it is relative.
 * @throws {ProjectError} If a part has the wrong shape, or redirects what cox itself runs.
 */
export function absoluteImportMap(
  json: Readonly<Record<string, unknown>>,
  path: string,
): ImportMap {
  const base = fileUrl(path);
  const scopes: Record<string, Record<string, string>> = {};
  for (const [prefix, map] of Object.entries(objectOf(json["scopes"], "scopes", path))) {
    const absolute = URL.parse(prefix, base);
    if (absolute === null) throw new ProjectError(path, `scope "${prefix}" is no URL`);
    scopes[absolute.href] = absoluteEntries(map, `scopes["${prefix}"]`, path);
  }
  return { imports: absoluteEntries(json["imports"], "imports", path), scopes };
}

/**
 * Puts cox's names on top: `coxswain` and `coxswain/child` always mean the cox that runs, and
 * cox's own code keeps its own names whatever the project calls them.
 *
 * @param project The project's map.
 * @param cox Its folder, and the `imports` of its deno.json.
 */
export function withCoxNames(
  project: ImportMap,
  cox: { readonly dir: string; readonly imports: Readonly<Record<string, string>> },
): ImportMap {
  const source = fileUrl(`${cox.dir}/src`);
  return {
    imports: {
      ...project.imports,
      "coxswain": `${source}/config/mod.ts`,
      "coxswain/child": `${source}/child/mod.ts`,
    },
    scopes: {
      ...project.scopes,
      [`${source}/`]: absoluteEntries(cox.imports, "imports", `${cox.dir}/deno.json`),
    },
  };
}

/**
 * @param what Names `value` in an error.
 * @returns `value`; an empty object when it is absent.
 * @throws {ProjectError} If it is anything but an object.
 */
export function objectOf(value: unknown, what: string, path: string): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ProjectError(path, `${what} must be an object`);
}

function absoluteEntries(entries: unknown, what: string, path: string): Record<string, string> {
  const base = fileUrl(path);
  const result: Record<string, string> = {};
  const expanded: Record<string, string> = {};
  for (const [name, target] of Object.entries(objectOf(entries, what, path))) {
    if (typeof target !== "string") {
      throw new ProjectError(path, `${what}["${name}"] must be a text`);
    }
    if (URL.parse(name)?.protocol === "data:") {
      // The preload of every program is one, and may have permissions that the program has not.
      throw new ProjectError(path, `${what} must not redirect a data: URL`);
    }
    if (name === "coxswain" || name.startsWith("coxswain/")) continue;
    result[absoluteAddress(name, base)] = absoluteAddress(target, base);
    const subpaths = subpathTarget(name, target);
    if (subpaths !== null) expanded[`${name}/`] = subpaths;
  }
  return { ...expanded, ...result };
}

/** Makes `./x`, `../x` and `/x` absolute; leaves bare names and URLs alone. */
function absoluteAddress(address: string, base: string): string {
  return /^\.{0,2}\//.test(address) ? new URL(address, base).href : address;
}

/** `"npm:zod@4"` for `zod` gives `"npm:/zod@4/"` for `zod/`. */
function subpathTarget(name: string, target: string): string | null {
  const match = /^(npm|jsr):\/?(.+)$/.exec(target);
  if (match === null || name.endsWith("/") || target.endsWith("/")) return null;
  return `${match[1]}:/${match[2]}/`;
}
