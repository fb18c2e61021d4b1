/**
 * The project's deno.json: where it is, its import map, its tasks, its lock file.
 * Must not know: programs. Members of a workspace and package.json are not read.
 */
import type { TasksFact } from "../facts.ts";
import type { ImportMapJson } from "../import_map.ts";
import { plainJson } from "../jsonc.ts";
import { parentDirectory, resolvePath } from "../paths.ts";

/** What was found. */
export interface ProjectFacts {
  /** The import map and the directory it is relative to; null: none. */
  readonly importMap: { readonly json: ImportMapJson; readonly dir: string } | null;
  /** null: there is no deno.json. */
  readonly tasks: TasksFact | null;
  /** null: there is no lock file. */
  readonly lockPath: string | null;
}

/** A deno.json, or an import map that it names, is not what it should be. */
export class ProjectError extends Error {
  override readonly name = "ProjectError";
}

/** The keys that are read. */
interface DenoJson extends ImportMapJson {
  readonly importMap?: string;
  readonly tasks?: Readonly<Record<string, unknown>>;
  readonly lock?: boolean | string | { readonly path?: string };
}

/**
 * Reads the deno.json or deno.jsonc of a folder or of the nearest folder above it.
 *
 * @param projectDir Absolute.
 * @throws {ProjectError} If a file is not JSON.
 */
export function readProject(projectDir: string): ProjectFacts {
  const found = findDenoJson(projectDir);
  if (found === null) return { importMap: null, tasks: null, lockPath: null };
  const { path, json } = found;
  const dir = parentDirectory(path);
  return {
    importMap: readImportMap(json, dir),
    tasks: { configPath: path, names: Object.keys(json.tasks ?? {}) },
    lockPath: findLock(json, dir),
  };
}

function findDenoJson(start: string): { path: string; json: DenoJson } | null {
  for (let dir = start;; dir = parentDirectory(dir)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = resolvePath(dir, name);
      const json = readJson(path);
      if (json !== null) return { path, json: json as DenoJson };
    }
    if (dir === "/") return null;
  }
}

function readImportMap(json: DenoJson, dir: string): ProjectFacts["importMap"] {
  if (json.imports !== undefined || json.scopes !== undefined) return { json, dir };
  if (json.importMap === undefined) return null;
  const path = resolvePath(dir, json.importMap);
  const map = readJson(path);
  if (map === null) throw new ProjectError(`the import map ${path} does not exist`);
  return { json: map as ImportMapJson, dir: parentDirectory(path) };
}

function findLock(json: DenoJson, dir: string): string | null {
  if (json.lock === false) return null;
  const named = typeof json.lock === "object" ? json.lock.path : json.lock;
  const path = resolvePath(dir, typeof named === "string" ? named : "deno.lock");
  try {
    return Deno.statSync(path).isFile ? path : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** null: there is no such file. */
function readJson(path: string): object | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (absent) return null;
    throw new ProjectError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  try {
    const value: unknown = JSON.parse(plainJson(text));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    throw new ProjectError(`${path} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  throw new ProjectError(`${path} must hold a JSON object`);
}
