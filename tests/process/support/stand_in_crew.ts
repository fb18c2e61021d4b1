/** A guard with a stand-in supervisor under it, as seen from a test. */
import { isAlive } from "../../../src/process/tree.ts";
import type { FrontRequest } from "./stand_in_front.ts";
import type { SupervisorRequest } from "./stand_in_supervisor.ts";
import { temporaryDirectory, until } from "./harness.ts";

/** What the supervisor says when its programs run. */
export interface Started {
  readonly supervisor: number;
  readonly level: "cgroup" | "guard";
  readonly cgroupDir: string | null;
  readonly pids: Readonly<Record<string, number>>;
}

/** One guard with its supervisor. Ends them when its scope ends. */
export class StandInCrew implements AsyncDisposable {
  readonly runDir: string;
  readonly guard: Deno.ChildProcess;
  readonly #lines: string[] = [];
  readonly #dir: ReturnType<typeof temporaryDirectory>;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reading: Promise<void>;

  constructor(request: SupervisorRequest, options: { readonly cgroup: boolean }) {
    this.#dir = temporaryDirectory();
    this.runDir = `${this.#dir.path}/run`;
    const front: FrontRequest = {
      runDir: this.runDir,
      cgroup: options.cgroup,
      supervisor: request,
    };
    this.guard = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("./stand_in_front.ts", import.meta.url).pathname,
        JSON.stringify(front),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#stdin = this.guard.stdin.getWriter();
    this.#reading = this.#read();
  }

  /** Waits for a line that has this field. */
  heard<T>(field: string): Promise<T> {
    return until(`"${field}" from the supervisor; it said ${this.#lines.join(" ")}`, () => {
      const line = this.#lines.find((text) => field in JSON.parse(text));
      return line === undefined ? null : JSON.parse(line) as T;
    });
  }

  started(): Promise<Started> {
    return this.heard<Started>("supervisor");
  }

  /** Whether a line with this field and value has come. */
  hasHeard(field: string, value: unknown): boolean {
    return this.#lines.some((text) => JSON.parse(text)[field] === value);
  }

  /** Whether any line with this field has come. */
  hasField(field: string): boolean {
    return this.#lines.some((text) => field in JSON.parse(text));
  }

  /** Lets the supervisor go on. */
  async proceed(): Promise<void> {
    await this.#stdin.write(new Uint8Array([10]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const supervisor = this.#lines.map((text) => JSON.parse(text).supervisor).find(Boolean);
    // The guard is left to end by itself, or what it is about to kill would survive.
    const victim = supervisor ?? this.guard.pid;
    try {
      if (isAlive(victim)) Deno.kill(victim, "SIGKILL");
    } catch (error) {
      // It ended in between.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    await this.guard.status;
    await this.#stdin.abort().catch(() => {});
    await this.#reading.catch(() => {});
    this.#dir[Symbol.dispose]();
  }

  async #read(): Promise<void> {
    let rest = "";
    const decoder = new TextDecoder();
    for await (const chunk of this.guard.stdout) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      this.#lines.push(...lines.filter((line) => line !== ""));
    }
  }
}
