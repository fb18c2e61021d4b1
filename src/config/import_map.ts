/**
 * The import map that configurations and supervised programs get: the project's own, made
 * absolute, with this cox's `coxswain` on top. They run with `--no-config`, because a
 * deno.json beside a program could redirect what a preload imports. Must not know: who runs.
 */
import { fileUrl, parentDirectory, resolvePath } from "../plan/paths.ts";
import { parse as parseJsonc } from "@std/jsonc/parse";

/** An import map with absolute URLs alone, so that it means the same wherever it lies. */
export interface ImportMap {
  readonly imports: Readonly<Record<string, string>>;
  readonly scopes: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

/** The project's deno.json, deno.jsonc or import map cannot be used. */
export class ImportMapError extends Error {
  override readonly name = "ImportMapError";
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
 * Finds the deno.json or deno.jsonc that governs a folder.
 *
 * @param folder Where to begin; parents are searched upwards to the root.
 * @returns Its absolute path, or null.
 */
export async function findDenoJson(folder: string): Promise<string | null> {
  let at = resolvePath(Deno.cwd(), folder);
  while (true) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = resolvePath(at, name);
      if (await isFile(path)) return path;
    }
    const parent = parentDirectory(at);
    if (parent === at) return null;
    at = parent;
  }
}

/**
 * Resolves the import map for programs of a project.
 *
 * `coxswain` and `coxswain/child` always lead to this cox. As Deno does for a deno.json, a
 * name that is mapped to an `npm:` or `jsr:` package maps its subpaths too.
 *
 * @param projectDir A folder of the project; the nearest deno.json(c) upwards counts, with its
 *   `imports` and `scopes`, or else the file that its `importMap` names.
 * @param coxDir The folder that holds this cox's `src`.
 * @returns The map; every relative name and target is made absolute.
 * @throws {ImportMapError} If a file cannot be read or has the wrong shape.
 */
export async function resolveImportMap(projectDir: string, coxDir: string): Promise<ImportMap> {
  const denoJson = await findDenoJson(projectDir);
  const project = denoJson === null ? EMPTY : await readProjectMap(denoJson);
  const source = fileUrl(resolvePath(coxDir, "src"));
  return {
    imports: {
      ...project.imports,
      "coxswain": `${source}/config/mod.ts`,
      "coxswain/child": `${source}/child/mod.ts`,
    },
    scopes: project.scopes,
  };
}

const EMPTY: ImportMap = { imports: {}, scopes: {} };

async function readProjectMap(denoJson: string): Promise<ImportMap> {
  const config = await readObject(denoJson);
  const own = config["imports"] !== undefined || config["scopes"] !== undefined;
  const file = config["importMap"];
  if (own || file === undefined) return absoluteMap(config, denoJson);
  if (typeof file !== "string") throw new ImportMapError(denoJson, "importMap must be a text");
  if (/^[a-z][a-z0-9+.-]+:/i.test(file)) {
    throw new ImportMapError(denoJson, `importMap must be a file of the project, is "${file}"`);
  }
  const path = resolvePath(parentDirectory(denoJson), file);
  return absoluteMap(await readObject(path), path);
}

function absoluteMap(config: Record<string, unknown>, path: string): ImportMap {
  const base = fileUrl(path);
  const scopes: Record<string, Record<string, string>> = {};
  for (const [prefix, map] of Object.entries(objectOf(config["scopes"], "scopes", path))) {
    const absolute = URL.parse(prefix, base);
    if (absolute === null) throw new ImportMapError(path, `scope "${prefix}" is no URL`);
    scopes[absolute.href] = absoluteEntries(map, `scopes["${prefix}"]`, path);
  }
  return { imports: absoluteEntries(config["imports"], "imports", path), scopes };
}

function absoluteEntries(entries: unknown, what: string, path: string): Record<string, string> {
  const base = fileUrl(path);
  const result: Record<string, string> = {};
  const expanded: Record<string, string> = {};
  for (const [name, target] of Object.entries(objectOf(entries, what, path))) {
    if (typeof target !== "string") {
      throw new ImportMapError(path, `${what}["${name}"] must be a text`);
    }
    if (name === "coxswain" || name.startsWith("coxswain/")) continue;
    result[isRelative(name) ? new URL(name, base).href : name] = isRelative(target)
      ? new URL(target, base).href
      : target;
    const subpaths = subpathTarget(name, target);
    if (subpaths !== null) expanded[`${name}/`] = subpaths;
  }
  return { ...expanded, ...result };
}

/** `"npm:zod@4"` for `zod` gives `"npm:/zod@4/"` for `zod/`. */
function subpathTarget(name: string, target: string): string | null {
  const match = /^(npm|jsr):\/?(.+)$/.exec(target);
  if (match === null || name.endsWith("/") || target.endsWith("/")) return null;
  return `${match[1]}:/${match[2]}/`;
}

function isRelative(text: string): boolean {
  return text.startsWith("./") || text.startsWith("../") || text.startsWith("/");
}

function objectOf(value: unknown, what: string, path: string): Record<string, unknown> {
  if (value === undefined) return {};
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ImportMapError(path, `${what} must be an object`);
}

async function readObject(path: string): Promise<Record<string, unknown>> {
  let parsed: unknown;
  try {
    // Both are read as JSON with comments, as Deno itself does.
    parsed = parseJsonc(await Deno.readTextFile(path));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new ImportMapError(path, why, error);
  }
  return objectOf(parsed ?? null, "it", path);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return false;
    }
    throw error;
  }
}
