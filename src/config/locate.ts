/**
 * Finds the configuration file. Owns its names and their order. Must not know: its contents.
 */
import { extensionOf, fileName, parentDirectory, resolvePath } from "../plan/paths.ts";
import type { ConfigIssue } from "./config.ts";
import { errorAt } from "./issue.ts";

/** What a folder is searched for, in this order. */
export const CONFIG_NAMES: readonly string[] = [
  "supervisor.config.ts",
  "supervisor.config.js",
  "supervisor.config.mjs",
  "supervisor.config.json",
];

const EXTENSIONS = [".ts", ".mts", ".js", ".mjs", ".json"];

/**
 * Finds the configuration without evaluating it.
 *
 * @param path A file, or a folder that holds one of {@link CONFIG_NAMES}.
 * @returns The absolute path of the file; or what was looked for.
 */
export async function locateConfig(
  path: string,
): Promise<{ kind: "found"; path: string } | { kind: "missing"; issue: ConfigIssue }> {
  const absolute = resolvePath(Deno.cwd(), path);
  const kind = await kindOf(absolute);
  if (kind === "file") {
    if (EXTENSIONS.includes(extensionOf(absolute))) return { kind: "found", path: absolute };
    const must = `a configuration must end in ${EXTENSIONS.join(", ")}`;
    return { kind: "missing", issue: errorAt([], `${must}, is "${fileName(absolute)}"`) };
  }
  const folder = kind === "folder" ? absolute : parentDirectory(absolute);
  const present: string[] = [];
  for (const name of CONFIG_NAMES) {
    if (await kindOf(resolvePath(folder, name)) === "file") present.push(name);
  }
  if (kind === "folder" && present.length > 0) {
    return { kind: "found", path: resolvePath(folder, present[0]!) };
  }
  const issue = kind === "folder"
    ? errorAt(
      [],
      `no configuration in ${folder}: looked for ${CONFIG_NAMES.join(", ")}`,
      "name it with --config FILE",
    )
    : errorAt(
      [],
      `no configuration at ${absolute}`,
      present.length > 0 ? `there is ${resolvePath(folder, present[0]!)}` : null,
    );
  return { kind: "missing", issue };
}

async function kindOf(path: string): Promise<"file" | "folder" | null> {
  try {
    const info = await Deno.stat(path);
    return info.isFile ? "file" : info.isDirectory ? "folder" : null;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return null;
    }
    throw error;
  }
}
