/**
 * A temporary folder with the compiled probes, the FIFO for stamps, and the children that a
 * benchmark starts; all gone when it is disposed. Must not know what is measured.
 */

const PROGRAMS = new URL("../programs/", import.meta.url);

/** One benchmark's belongings. */
export class Workshop implements AsyncDisposable {
  /** Absolute. */
  readonly folder: string;
  readonly #children: Deno.ChildProcess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Makes the folder. */
  static async open(): Promise<Workshop> {
    return new Workshop(await Deno.makeTempDir({ prefix: "cox-bench-" }));
  }

  /**
   * Compiles `bench/programs/NAME.c`.
   *
   * @returns the absolute path of the program.
   * @throws {Error} when there is no gcc: the probes need the raw clock.
   */
  async compile(name: string): Promise<string> {
    const path = `${this.folder}/${name}`;
    const source = new URL(`${name}.c`, PROGRAMS).pathname;
    await runToEnd(["gcc", "-O2", "-Wall", "-Werror", "-o", path, source]).catch((cause) => {
      throw new Error(`Cannot compile ${source}: install gcc and libc6-dev`, { cause });
    });
    return path;
  }

  /** Makes a FIFO and returns its absolute path. */
  async makeFifo(name: string): Promise<string> {
    const path = `${this.folder}/${name}`;
    await runToEnd(["mkfifo", path]);
    return path;
  }

  /** Writes a file and returns its absolute path. */
  async write(name: string, text: string): Promise<string> {
    const path = `${this.folder}/${name}`;
    await Deno.writeTextFile(path, text);
    return path;
  }

  /** Starts a program that ends with the workshop at the latest. */
  start(argv: readonly string[], options: Omit<Deno.CommandOptions, "args"> = {}) {
    const child = new Deno.Command(argv[0]!, {
      stdin: "null",
      stdout: "null",
      ...options,
      args: argv.slice(1),
    }).spawn();
    this.#children.push(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await stop(child);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** The absolute path of a program in bench/programs that needs no compiling. */
export function programPath(name: string): string {
  return new URL(name, PROGRAMS).pathname;
}

/** `deno run --no-config … NAME` of a program in bench/programs. */
export function denoProgram(name: string, ...args: string[]): string[] {
  return [
    Deno.execPath(),
    "run",
    "--no-prompt",
    "--no-config",
    "--allow-all",
    programPath(name),
    ...args,
  ];
}

/**
 * Runs a program to its end.
 *
 * @returns what it wrote to stdout.
 * @throws {Error} when it ends with another code than 0, with its stderr in the message.
 */
export async function runToEnd(
  argv: readonly string[],
  options: Omit<Deno.CommandOptions, "args"> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(argv[0]!, {
    ...options,
    args: argv.slice(1),
    stdout: "piped",
    stderr: "piped",
  }).output();
  if (code !== 0) {
    throw new Error(`${argv.join(" ")} ended with ${code}: ${new TextDecoder().decode(stderr)}`);
  }
  return new TextDecoder().decode(stdout);
}

/** Runs a probe that prints nanoseconds, one a line; returns milliseconds. */
export async function runProbe(argv: readonly string[]): Promise<number[]> {
  return (await runToEnd(argv)).trim().split("\n").map((line) => Number(line) / 1e6);
}

const FILE_LOOK_MS = 50;
const FILE_GIVE_UP_MS = 240_000;

/**
 * Waits for a file that is renamed into its place when it is whole.
 *
 * @returns its text.
 * @throws {Error} when it does not come.
 */
export async function waitForFile(path: string): Promise<string> {
  const giveUpMs = performance.now() + FILE_GIVE_UP_MS;
  for (;;) {
    try {
      return await Deno.readTextFile(path);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      if (performance.now() > giveUpMs) throw new Error(`Waited in vain for ${path}`);
    }
    await new Promise((resolve) => setTimeout(resolve, FILE_LOOK_MS));
  }
}

/** SIGTERM, and SIGKILL for what is still there ten seconds later. */
export async function stop(child: Deno.ChildProcess): Promise<void> {
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch (error) {
      // It has ended by itself.
      if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
    }
  };
  signal("SIGTERM");
  const timer = setTimeout(() => signal("SIGKILL"), 10_000);
  await child.status;
  clearTimeout(timer);
}
