/** A folder that goes away at the end of its block. */

/** One temporary folder. */
export interface TemporaryFolder extends AsyncDisposable {
  /** Absolute, links resolved. */
  readonly dir: string;
  /** Writes a file below it. */
  write(name: string, text: string, mode?: number): Promise<void>;
}

/** Makes a temporary folder. */
export async function temporaryFolder(): Promise<TemporaryFolder> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "cox-plan-" }));
  return {
    dir,
    async write(name, text, mode = 0o644) {
      await Deno.writeTextFile(`${dir}/${name}`, text);
      await Deno.chmod(`${dir}/${name}`, mode);
    },
    async [Symbol.asyncDispose]() {
      await Deno.remove(dir, { recursive: true });
    },
  };
}
