/**
 * A sealed program with pulse memory, started as the supervisor starts one. Owns the memory and the
 * program's file. Must not know: what it stamps.
 */
import { closeFd } from "../../src/os/pipe.ts";
import { createSharedMemory } from "../../src/os/shared_memory.ts";
import { pulseBytes, type PulseLineShape, writePulse } from "../../src/deadline/pulse_layout.ts";
import { type PulseViews, pulseViews } from "../../src/deadline/pulse_source.ts";
import { runSealed, type SealedEnd, type SealedOptions } from "./sealed_program.ts";

const CHILD = new URL("../../src/child/mod.ts", import.meta.url).href;

/** The memory of a program, as the supervisor sees it. */
export class PulseBench implements Disposable {
  readonly lines: readonly PulseLineShape[];
  readonly views: PulseViews;
  readonly #memory: { readonly fd: number; readonly buffer: ArrayBuffer };

  constructor(lines: readonly PulseLineShape[]) {
    this.lines = lines;
    this.#memory = createSharedMemory("pulse", pulseBytes(lines));
    this.views = pulseViews(this.#memory.buffer);
    this.renew(1);
  }

  /** As before a new instance. */
  renew(epoch: number): void {
    writePulse(this.#memory.buffer, this.lines, epoch);
  }

  /**
   * Runs a program to its end.
   *
   * @param names What it imports from `coxswain/child`.
   * @param body Statements of a module; `memory` is in their scope.
   */
  async run(names: string, body: string, options: SealedOptions = {}): Promise<SealedEnd> {
    const bytes = pulseBytes(this.lines);
    const request = {
      segments: [{ fd: 4, bytes, access: "read-write", what: "the pulse memory" }],
      mailboxes: [],
      pulse: 0,
      closeOnExec: [],
      refusesSymlinks: false,
    } as const;
    const folder = await Deno.makeTempDir({ prefix: "cox-pulse-" });
    const program = `${folder}/program.ts`;
    await Deno.writeTextFile(
      program,
      `import { ${names} } from ${JSON.stringify(CHILD)};
       const { memory } = globalThis[Symbol.for("coxswain.links")];\n${body}`,
    );
    try {
      const descriptors = [{ fd: 4, source: this.#memory.fd }];
      return await runSealed("", { request, descriptors }, { ...options, program });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }

  [Symbol.dispose](): void {
    closeFd(this.#memory.fd);
  }
}
