/**
 * Runs `deno` for the evaluation of a configuration: environment cleared, no permission
 * asked for, bounded in time and output. Must not know: what is run.
 */
import type { ImportMap } from "../plan/import_map.ts";

/** How a run ended. */
export interface SandboxRun {
  readonly stdout: string;
  /** Its first 64 KiB. */
  readonly stderr: string;
  readonly code: number;
  readonly signal: string | null;
  /** Why it was killed, if it was. */
  readonly killed: "timeout" | "output" | "cancelled" | null;
}

/** What to run and how long. */
export interface SandboxOptions {
  /** Path of the Deno executable. */
  readonly denoPath: string;
  /** The runtime's cache folder. */
  readonly denoDir: string;
  readonly args: readonly string[];
  /** The only variables that it gets, besides DENO_DIR and settings of Deno's. */
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** It is killed when it writes more than this to stdout. */
  readonly outputBytesMax: number;
  /** Kills it when it fires: nobody waits for the result any more. */
  readonly signal?: AbortSignal;
}

/** `deno` could not be started. */
export class SandboxError extends Error {
  override readonly name = "SandboxError";
}

const STDERR_BYTES_MAX = 65_536;
/** Linux limits one argument to 128 KiB; percent-encoding is already counted. */
const IMPORT_MAP_LENGTH_MAX = 120_000;

/**
 * Runs `deno` to its end.
 *
 * @param options What to run, and the limits.
 * @returns Its output and how it ended.
 * @throws {SandboxError} If it cannot be started.
 */
export async function runSandbox(options: SandboxOptions): Promise<SandboxRun> {
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command(options.denoPath, {
      args: [...options.args],
      // A working directory without a package.json or node_modules that could be found.
      cwd: "/",
      clearEnv: true,
      env: { ...FIXED_VARIABLES, DENO_DIR: options.denoDir, ...options.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  } catch (cause) {
    throw new SandboxError(`Cannot start ${options.denoPath}: ${reason(cause)}`, { cause });
  }
  let killed: SandboxRun["killed"] = null;
  const kill = (why: NonNullable<SandboxRun["killed"]>) => {
    if (killed !== null) return;
    killed = why;
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It ended by itself in the meantime.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  const cancel = () => kill("cancelled");
  const timer = setTimeout(() => kill("timeout"), options.timeoutMs);
  options.signal?.addEventListener("abort", cancel);
  if (options.signal?.aborted) cancel();
  try {
    const [stdout, stderr, status] = await Promise.all([
      readBounded(child.stdout, options.outputBytesMax, () => kill("output")),
      readBounded(child.stderr, STDERR_BYTES_MAX, () => {}),
      child.status,
    ]);
    return { stdout, stderr, code: status.code, signal: status.signal, killed };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener("abort", cancel);
  }
}

/**
 * Writes an import map as an argument.
 *
 * @param map The import map.
 * @returns `--import-map=data:…`
 * @throws {SandboxError} If it is longer than an argument can be.
 */
export function importMapArgument(map: ImportMap): string {
  const encoded = encodeURIComponent(JSON.stringify(map));
  if (encoded.length > IMPORT_MAP_LENGTH_MAX) {
    throw new SandboxError(
      `The import map of the project must be at most ${IMPORT_MAP_LENGTH_MAX} characters, ` +
        `is ${encoded.length}`,
    );
  }
  return `--import-map=data:application/json,${encoded}`;
}

const FIXED_VARIABLES: Readonly<Record<string, string>> = {
  NO_COLOR: "1",
  DENO_NO_UPDATE_CHECK: "1",
  DENO_NO_PACKAGE_JSON: "1",
};

/** Reads to the end, keeps the first `max` bytes, and says when there is more. */
async function readBounded(
  stream: ReadableStream<Uint8Array>,
  max: number,
  onExcess: () => void,
): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    if (bytes < max) chunks.push(chunk.subarray(0, max - bytes));
    bytes += chunk.length;
    if (bytes > max) onExcess();
  }
  return await new Blob(chunks as BlobPart[]).text();
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
