/**
 * What paths are, and where their symbolic links lead. Must not know: why anyone asks.
 */
import type { FolderFact, PathFact } from "../facts.ts";
import { parentDirectory } from "../paths.ts";

/**
 * Looks at one path.
 *
 * @param path Absolute and normalised.
 * @throws {Error} If the path cannot be looked at for another reason than being absent.
 */
export function pathFact(path: string): PathFact {
  const realPath = realPathOrNull(path);
  if (realPath === null) return { kind: "missing", realPath: realPathOfMissing(path) };
  const info = Deno.statSync(realPath);
  const kind = info.isDirectory ? "directory" : info.isFile ? "file" : "other";
  return realPath === path ? { kind, realPath } : { kind, realPath, links: linksOn(path) };
}

/** Linux follows as many (path_resolution(7)). */
const LINKS_MAX = 40;

/** Every link that is followed from an existing path to what it stands for, where it really lies. */
function linksOn(path: string): string[] {
  const links: string[] = [];
  const names = path.split("/");
  let place = "/";
  while (names.length > 0 && links.length < LINKS_MAX) {
    const name = names.shift()!;
    if (name === "" || name === ".") continue;
    if (name === "..") {
      place = parentDirectory(place);
      continue;
    }
    const next = place === "/" ? `/${name}` : `${place}/${name}`;
    if (!Deno.lstatSync(next).isSymlink) {
      place = next;
      continue;
    }
    links.push(next);
    const target = Deno.readLinkSync(next);
    if (target.startsWith("/")) place = "/";
    names.unshift(...target.split("/"));
  }
  return links;
}

/**
 * Looks at the folders above a path.
 *
 * @param path Absolute and normalised.
 * @returns Those that exist, the root first, with the permissions of what a link leads to.
 */
export function foldersAbove(path: string): FolderFact[] {
  const folders: FolderFact[] = [];
  for (let folder = path; folder !== "/";) {
    folder = parentDirectory(folder);
    if (realPathOrNull(folder) === null) continue;
    const { mode, uid, gid } = Deno.statSync(folder);
    folders.unshift({ path: folder, mode: mode ?? 0, uid: uid ?? 0, gid: gid ?? 0 });
  }
  return folders;
}

/** Resolves what exists of a path; a write grant may name a file that is yet to be made. */
function realPathOfMissing(path: string): string {
  let existing = path;
  let rest = "";
  while (existing !== "/") {
    const slash = existing.lastIndexOf("/");
    rest = `${existing.slice(slash)}${rest}`;
    existing = parentDirectory(existing);
    const real = realPathOrNull(existing);
    if (real !== null) return real === "/" ? rest : `${real}${rest}`;
  }
  return path;
}

function realPathOrNull(path: string): string | null {
  try {
    return Deno.realPathSync(path);
  } catch (error) {
    const absent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory ||
      error instanceof Deno.errors.FilesystemLoop ||
      error instanceof Deno.errors.PermissionDenied;
    if (absent) return null;
    throw error;
  }
}
