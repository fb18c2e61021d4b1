/**
 * Reads environment files: `KEY=VALUE` lines in the dotenv format of `node:util`.
 * Must not know: which variables may come from a file.
 */
import type { EnvFileFact } from "../facts.ts";

/** A larger file is no environment file: execve(2) would refuse what is in it. */
const FILE_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Reads one file.
 *
 * @param path Absolute.
 * @returns Its variables, or why it could not be read.
 */
export async function readEnvFile(path: string): Promise<EnvFileFact> {
  let text: string;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) return { kind: "failed", reason: "it is not a file" };
    if (size > FILE_BYTES_MAX) return { kind: "failed", reason: "it is larger than 2 MiB" };
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      return { kind: "failed", reason: "it does not exist" };
    }
    return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
  }
  if (text.includes("\0")) return { kind: "failed", reason: "it contains a NUL character" };
  // Loaded when a configuration has such a file: a `node:` module costs 10 ms.
  const { parseEnv } = await import("node:util");
  return { kind: "read", values: parseEnv(text) as Record<string, string> };
}
