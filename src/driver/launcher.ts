/**
 * Starts the instances of one process. Owns what is the same for all of them: the program laid
 * out for the C library, the environment that tells an instance what it is of, the hash behind
 * its mark. Must not know: what becomes of an instance.
 */
import type { ProcessPlan } from "../plan/plan.ts";
import { lineageMarks } from "../process/lineage.ts";
import { type Environment, Spawner, type SpawnResult, type Start } from "../process/spawn.ts";

/** One per process of a plan. */
export class Launcher {
  readonly #name: string;
  readonly #spawner: Spawner;
  readonly #markOf: (instance: number) => bigint;

  constructor(process: ProcessPlan, runId: string) {
    const { name, executable, argv, cwd, umask } = process;
    const env: Environment = [...process.env, ["COX_RUN", runId], ["COX_PROCESS", name]];
    this.#name = name;
    const noDebugger = process.kind === "deno";
    this.#spawner = new Spawner({ executable, argv, cwd, env, umask, noDebugger });
    this.#markOf = lineageMarks(runId, name);
  }

  /**
   * Starts an instance.
   *
   * @param notifyPath becomes NOTIFY_SOCKET; null for none.
   */
  launch(
    instance: number,
    notifyPath: string | null,
    descriptors: Start["descriptors"],
  ): SpawnResult {
    const env: [string, string][] = [["COX_INSTANCE", `${this.#name}#${instance}`]];
    if (notifyPath !== null) env.push(["NOTIFY_SOCKET", notifyPath]);
    return this.#spawner.spawn({ env, descriptors, mark: this.#markOf(instance) });
  }
}
