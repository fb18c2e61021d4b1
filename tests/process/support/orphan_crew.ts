/**
 * A crew of the real `cox up` in which every process gets something away in a manner of its
 * own, and what lives of it, found by marks that `cox` knows nothing of.
 */
import { startCrew, type TestCrew } from "../../support/crew.ts";
import { uniqueSeconds, until } from "./harness.ts";
import { ORPHAN_SHAPES } from "./orphan_shapes.ts";

/** The shapes that can run here. */
export const SHAPES = ORPHAN_SHAPES.filter((shape) => shape.missing() === null);

/** Everything of one kind that lives, by process name. */
export type Living = ReadonlyMap<string, readonly number[]>;

/** See the file's header. Ends the crew with its scope. */
export class OrphanCrew implements AsyncDisposable {
  readonly crew: TestCrew;
  readonly #mark: string;
  readonly #dir: string;

  private constructor(crew: TestCrew, mark: string, dir: string) {
    this.crew = crew;
    this.#mark = mark;
    this.#dir = dir;
  }

  /** Starts it, and returns when every shape has got away. */
  static async start(contain: string): Promise<OrphanCrew> {
    const mark = uniqueSeconds();
    const dir = Deno.makeTempDirSync({ prefix: `cox-test-${mark}-` });
    const processes = SHAPES.map(({ argv }, index) => {
      const place = `${dir}/${index}`;
      Deno.mkdirSync(place);
      // The main process lives on: at its end what it leaves behind would be ended too.
      const script = `"$@"; exec sleep ${mark}${index}`;
      const run = ["/bin/sh", "-c", script, "sh", ...argv(`${mark}${index}`, place)];
      const options = `restart: { policy: "temporary" }, stop: { timeout: "300ms" }`;
      return `${nameOf(index)}: { run: command(${JSON.stringify(run)}), ${options} },`;
    });
    const config = `
import { command, defineConfig } from "coxswain";
export default defineConfig({ name: "orphans", processes: { ${processes.join("\n")} } });`;
    const crew = await startCrew(config, { args: ["--contain", contain], waitForControl: false });
    const started = new OrphanCrew(crew, mark, dir);
    try {
      await until("every shape to run", () => started.areComplete(SHAPES.keys()));
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  /** Whether all that belongs to these shapes lives. */
  areComplete(indices: Iterable<number>): boolean {
    const living = this.living();
    return [...indices].every((index) =>
      (living.get(nameOf(index))?.length ?? 0) > SHAPES[index]!.count
    );
  }

  /** What lives of each shape, its main process included. */
  living(): Living {
    const found = new Map<string, number[]>();
    for (const { name } of Deno.readDirSync("/proc")) {
      const index = /^[0-9]+$/.test(name) ? this.#shapeOf(name) : null;
      if (index === null) continue;
      const pids = found.get(nameOf(index)) ?? [];
      pids.push(Number(name));
      found.set(nameOf(index), pids);
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.crew[Symbol.asyncDispose]();
    Deno.removeSync(this.#dir, { recursive: true });
  }

  /** Which shape a process comes from; null for a stranger, a zombie or one that has gone. */
  #shapeOf(pid: string): number | null {
    try {
      let text = Deno.readTextFileSync(`/proc/${pid}/cmdline`);
      // A worker's title says nothing; its working directory does.
      if (text.startsWith("nginx: ")) text += ` ${Deno.readLinkSync(`/proc/${pid}/cwd`)}`;
      const at = text.indexOf(this.#mark);
      if (at < 0 || !/^State:\s+[^ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`))) {
        return null;
      }
      const digits = /^(?:-[^/]*\/)?(\d+)/.exec(text.slice(at + this.#mark.length))?.[1];
      return digits === undefined ? null : Number(digits);
    } catch {
      return null;
    }
  }
}

/** The process that runs the shape. */
export function nameOf(index: number): string {
  return `shape${index}`;
}
