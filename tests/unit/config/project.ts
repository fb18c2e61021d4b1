/** A folder of files for one test, removed at its end. */

/** `await using project = await Project.make({ "a.ts": "…" })` */
export class Project implements AsyncDisposable {
  private constructor(/** Absolute, without links in it. */ readonly path: string) {}

  /** Makes the files, with the folders that they are in. */
  static async make(files: Record<string, string>): Promise<Project> {
    const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "cox-config-" }));
    const project = new Project(path);
    for (const [name, text] of Object.entries(files)) await project.write(name, text);
    return project;
  }

  /** Writes one file. */
  async write(name: string, text: string): Promise<void> {
    const file = `${this.path}/${name}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.path, { recursive: true });
  }
}
