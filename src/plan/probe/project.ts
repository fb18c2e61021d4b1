/**
 * The project's deno.json: where it is, its import map, its tasks, its lock file.
 * Must not know: programs. Members of a workspace and package.json are not read.
 */
import { parse as parseJsonc } from "@std/jsonc/parse";
import type { TasksFact } from "../facts.ts";
import {
  absoluteImportMap,
  EMPTY_IMPORT_MAP,
  type ImportMap,
  objectOf,
  ProjectError,
} from "../import_map.ts";
import { parentDirectory, resolvePath } from "../paths.ts";

/** What was found. */
export interface ProjectFacts {
  /** Absolute path of the deno.json or deno.jsonc; null: there is none. */
  readonly path: string | null;
  /** Its names, absolute; empty without one. */
  readonly importMap: ImportMap;
  /** null: there is no deno.json. */
  readonly tasks: TasksFact | null;
  /** null: there is no lock file. */
  readonly lockPath: string | null;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads the deno.json or deno.jsonc of a folder or of the nearest folder above it.
 *
 * @param projectDir Absolute.
 * @throws {ProjectError} If a file cannot be read or has the wrong shape.
 */
export function readProject(projectDir: string): ProjectFacts {
  const found = findDenoJson(projectDir);
  if (found === null) {
    return { path: null, importMap: EMPTY_IMPORT_MAP, tasks: null, lockPath: null };
  }
  const { path, json } = found;
  const tasks = Object.keys(objectOf(json["tasks"], "tasks", path));
  return {
    path,
    importMap: readImportMap(json, path),
    tasks: { configPath: path, names: tasks },
    lockPath: findLock(json, parentDirectory(path)),
  };
}

function findDenoJson(start: string): { path: string; json: Json } | null {
  for (let dir = start;; dir = parentDirectory(dir)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = resolvePath(dir, name);
      const json = readJson(path);
      if (json !== null) return { path, json };
    }
    if (dir === "/") return null;
  }
}

function readImportMap(json: Json, path: string): ImportMap {
  const file = json["importMap"];
  const own = json["imports"] !== undefined || json["scopes"] !== undefined;
  if (own || file === undefined) return absoluteImportMap(json, path);
  if (typeof file !== "string") throw new ProjectError(path, "importMap must be a text");
  if (/^[a-z][a-z0-9+.-]+:/i.test(file)) {
    throw new ProjectError(path, `importMap must be a file of the project, is "${file}"`);
  }
  const mapPath = resolvePath(parentDirectory(path), file);
  const map = readJson(mapPath);
  if (map === null) throw new ProjectError(mapPath, "it does not exist");
  return absoluteImportMap(map, mapPath);
}

function findLock(json: Json, dir: string): string | null {
  const lock = json["lock"];
  if (lock === false) return null;
  const named = typeof lock === "object" && lock !== null ? (lock as Json)["path"] : lock;
  const path = resolvePath(dir, typeof named === "string" ? named : "deno.lock");
  try {
    return Deno.statSync(path).isFile ? path : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** null: there is no such file. */
function readJson(path: string): Json | null {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (absent) return null;
    throw new ProjectError(path, (error as Error).message, error);
  }
  let value: unknown;
  try {
    // With comments and trailing commas, as Deno itself reads it.
    value = parseJsonc(text);
  } catch (error) {
    throw new ProjectError(path, `it is no JSON: ${(error as Error).message}`, error);
  }
  return objectOf(value ?? null, "it", path);
}
