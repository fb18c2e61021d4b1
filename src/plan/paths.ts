/**
 * Absolute POSIX paths as text: joining, containment, file URLs. Owns no knowledge of what
 * exists: symbolic links are the probe's business. Must not know: the file system.
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
