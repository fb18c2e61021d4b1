/**
 * Absolute POSIX paths as text: joining, parts, containment, file URLs. Owns no knowledge of
 * what exists: symbolic links are the probe's business. Must not know: the file system.
 *
 * `node:path` does the same, but the first `node:` module costs a command 9 ms to load.
 */

/**
 * Joins and normalises without asking the file system.
 *
 * @param base Absolute directory.
 * @param path Relative to `base`, or absolute.
 * @returns An absolute path without `.`, `..`, doubled or trailing slashes.
 */
export function resolvePath(base: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${base}/${path}`).split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") parts.pop();
    else parts.push(part);
  }
  return `/${parts.join("/")}`;
}

/**
 * Tells whether `path` is `directory` or lies below it.
 *
 * @param path Absolute and normalised.
 * @param directory Absolute and normalised.
 */
export function isWithin(path: string, directory: string): boolean {
  if (directory === "/" || path === directory) return true;
  return path.startsWith(`${directory}/`);
}

/** The directory that holds `path`; the root is its own parent. */
export function parentDirectory(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash <= 0 ? "/" : path.slice(0, slash);
}

/** The last part of a path; `""` for the root. */
export function fileName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** From the last dot of the file name on: `".ts"`; `""` for a name with no dot but a first one. */
export function extensionOf(path: string): string {
  const name = fileName(path);
  const dot = name.lastIndexOf(".");
  return dot <= 0 ? "" : name.slice(dot);
}

/**
 * Writes a path relative to a directory that it lies in; a path elsewhere stays as it is.
 *
 * @param directory Absolute and normalised.
 * @param path Absolute and normalised.
 */
export function relativeTo(directory: string, path: string): string {
  if (path === directory || !isWithin(path, directory)) return path;
  return path.slice(directory === "/" ? 1 : directory.length + 1);
}

/**
 * Reads a `file:` URL as an absolute path: the reverse of {@link fileUrl}.
 *
 * @throws {TypeError} For another kind of URL.
 * @throws {URIError} For escapes that are no UTF-8.
 */
export function filePath(url: string): string {
  const { protocol, pathname } = new URL(url);
  if (protocol !== "file:") throw new TypeError(`Not a file URL: ${url}`);
  return decodeURIComponent(pathname);
}

/**
 * Writes an absolute path as a `file:` URL.
 *
 * @param path Absolute and normalised; any characters but NUL.
 */
export function fileUrl(path: string): string {
  // The URL parser drops tabs and newlines, reads "\" as "/" and keeps "%" as it is, so these
  // are escaped first; it escapes the rest, "?" and "#" included, by itself.
  const escaped = path.replace(
    /[%\\\t\n\r]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
  const url = new URL("file:///");
  url.pathname = escaped;
  return url.href;
}
