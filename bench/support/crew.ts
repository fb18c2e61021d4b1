/** A crew of `cox up` for a benchmark: a folder, the process, a control client. */
import { connectControl, NoSupervisorError } from "../../src/control/client.ts";
import type { CrewSnapshot } from "../../src/control/protocol.ts";
import type { Config } from "../../src/config/config.ts";
import { stop, type Workshop } from "./workshop.ts";

const ROOT = new URL("../../", import.meta.url);
const WATCHDOG_MS = 60_000;

/**
 * The command line of `cox up` as `deno task start` runs it, for a config in a workshop.
 *
 * @param name Unique in the workshop; a folder of that name is made for the config.
 */
export async function coxUp(workshop: Workshop, name: string, config: Config): Promise<string[]> {
  const folder = `${workshop.folder}/${name}`;
  await Deno.mkdir(folder);
  const path = await workshop.write(`${name}/supervisor.config.json`, JSON.stringify(config));
  return [...coxCommand(), "up", "--config", path, "--run-dir", `${folder}/run`];
}

/** The same for a configuration that is there. @param runDir made by `cox up` */
export function coxUpFile(config: string, runDir: string): string[] {
  return [...coxCommand(), "up", "--config", config, "--run-dir", runDir];
}

/** The task `cox` of deno.json, with this very Deno. */
function coxCommand(): string[] {
  const { tasks } = JSON.parse(Deno.readTextFileSync(new URL("deno.json", ROOT)));
  const [deno, run, ...words] = (tasks.cox.command as string).split(" ");
  if (deno !== "deno" || run !== "run" || words.at(-1) !== "main.ts") {
    throw new Error(`Unexpected task cox: ${tasks.cox.command}`);
  }
  return [Deno.execPath(), "run", ...words.slice(0, -1), new URL("main.ts", ROOT).pathname];
}

/** A running crew. */
export class BenchCrew implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #socket: string;

  /** What it has written of what happened. */
  readonly eventsPath: string;

  private constructor(child: Deno.ChildProcess, runDir: string) {
    this.#child = child;
    this.#socket = `${runDir}/control.sock`;
    this.eventsPath = `${runDir}/events.jsonl`;
  }

  /** Starts a crew and waits until it answers. */
  static async start(workshop: Workshop, name: string, config: Config): Promise<BenchCrew> {
    const argv = await coxUp(workshop, name, config);
    const child = workshop.start(argv, { stdout: "null", stderr: "null" });
    const crew = new BenchCrew(child, `${workshop.folder}/${name}/run`);
    await crew.until("it answers", () => true);
    return crew;
  }

  /** Pid of `cox up`, which becomes the guard. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Resolves with the exit code when the crew ends by itself. */
  async ended(): Promise<number> {
    return (await this.#child.status).code;
  }

  /** The crew at this moment. */
  async snapshot(): Promise<CrewSnapshot> {
    const client = await connectControl(this.#socket);
    try {
      return await client.call("snapshot", {});
    } finally {
      client.close();
    }
  }

  /** Waits for a condition of the snapshot. */
  async until(what: string, holds: (snapshot: CrewSnapshot) => boolean): Promise<CrewSnapshot> {
    const giveUpMs = performance.now() + WATCHDOG_MS;
    let last: CrewSnapshot | null = null;
    while (performance.now() < giveUpMs) {
      try {
        last = await this.snapshot();
        if (holds(last)) return last;
      } catch (error) {
        // It is on its way up.
        if (!(error instanceof NoSupervisorError)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`Waited in vain until ${what}: ${JSON.stringify(last)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await stop(this.#child);
  }
}
