/**
 * Finds the configuration file and the run directory that a command is about, without
 * evaluating anything. Must not know: what is in either.
 */
import { CONFIG_NAMES } from "../config/locate.ts";
import type { CommandContext } from "./command.ts";
import { UserError } from "./exit_codes.ts";

/**
 * The configuration file.
 *
 * @returns its absolute path, symbolic links resolved.
 * @throws {UserError} there is none, or more than one in the same folder.
 */
export function locateConfig({ options, io }: CommandContext): string {
  const given = options.value("config");
  if (given === null) return Deno.realPathSync(searchConfig(io.cwd));
  let path: string;
  let info: Deno.FileInfo;
  try {
    path = Deno.realPathSync(absolutePath(given, io.cwd));
    info = Deno.statSync(path);
  } catch (error) {
    throw new UserError(`Cannot read the configuration ${given}: ${reasonOf(error)}`);
  }
  if (info.isFile) return path;
  const inside = info.isDirectory ? configIn(path) : null;
  if (inside !== null) return Deno.realPathSync(inside);
  throw new UserError(`There is no ${CONFIG_NAMES.join(", ")} in ${given}`);
}

/**
 * The run directory.
 *
 * @returns its absolute path; it need not exist.
 * @throws {UserError} neither `--run-dir` nor a configuration to derive it from.
 */
export async function locateRunDir(context: CommandContext): Promise<string> {
  const { options, io } = context;
  const given = options.value("run-dir");
  if (given !== null) return absolutePath(given, io.cwd);
  const configPath = locateConfig(context);
  const { defaultRunDir } = await import("../process/run_dir.ts");
  const env = { XDG_RUNTIME_DIR: io.env("XDG_RUNTIME_DIR") };
  return await defaultRunDir(configPath, env, Deno.uid() ?? 0);
}

/** Makes a path of the command line absolute and plain: `./a/../b` becomes `/cwd/b`. */
export function absolutePath(path: string, cwd: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function searchConfig(cwd: string): string {
  for (let folder = cwd;; folder = folder.slice(0, folder.lastIndexOf("/"))) {
    const found = configIn(folder);
    if (found !== null) return found;
    if (folder === "" || folder === "/") break;
  }
  throw new UserError(
    `There is no ${CONFIG_NAMES.join(", ")} in ${cwd} or a folder above; use --config FILE`,
  );
}

/** Two in one folder are a mistake that must not pass silently. */
function configIn(folder: string): string | null {
  const found = CONFIG_NAMES.filter((name) => isFile(`${folder}/${name}`));
  if (found.length > 1) {
    throw new UserError(
      `${found.join(" and ")} are both in ${folder || "/"}; choose one with --config FILE`,
    );
  }
  return found[0] === undefined ? null : `${folder}/${found[0]}`;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is no such file";
  return error instanceof Error ? error.message : String(error);
}
