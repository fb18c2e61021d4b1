/** Takes all cores: programs that do nothing else, at ordinary priority. */
import { stop, type Workshop } from "./workshop.ts";

/** Ends with its scope. */
export class Load implements AsyncDisposable {
  readonly #burners: readonly Deno.ChildProcess[];

  /** @param burn the compiled program; one is started for each core. */
  constructor(workshop: Workshop, burn: string) {
    const cores = navigator.hardwareConcurrency;
    this.#burners = Array.from({ length: cores }, () => workshop.start([burn]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#burners.map(stop));
  }
}
