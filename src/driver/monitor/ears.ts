/**
 * Hears that something was written to pipes, without reading them: for programs that show that they
 * live by what they write. A pipe that is written to all the time is heard once in a while: after
 * each sound nobody listens for a moment, and then it is asked whether there was another.
 * Must not know: whose pipe, what a sound means.
 *
 * So a sound is dated late by as much as that moment, at most, and never early.
 */
import { PipeWatch } from "../../os/pipe_watch.ts";

/** One for a thread. */
export class Ears {
  /** Readable when something was heard. */
  readonly fd: number;
  readonly #watch: PipeWatch;
  readonly #deafNs: number;
  readonly #heard = new Map<number, (nowNs: number) => void>();
  readonly #numbers = new Map<string, number>();
  #deafUntilNs = -Infinity;

  private constructor(watch: PipeWatch, deafNs: number) {
    this.#watch = watch;
    this.fd = watch.fd;
    this.#deafNs = deafNs;
  }

  /**
   * @param deafNs how long nobody listens after a sound.
   * @returns null where the kernel does not tell of writes.
   */
  static open(deafNs: number): Ears | null {
    const watch = PipeWatch.open("writes", "every");
    return watch === null ? null : new Ears(watch, deafNs);
  }

  /** Listens until this time to nothing that is new. */
  get deafUntilNs(): number {
    return this.#deafUntilNs;
  }

  /**
   * Listens to a pipe, in the place of another that had the same name.
   *
   * @param fd of either end, held in this process.
   */
  listen(name: string, fd: number, heard: (nowNs: number) => void): void {
    const number = this.#watch.arm(fd);
    const before = this.#numbers.get(name);
    if (before !== undefined && before !== number) {
      this.#watch.disarm(before);
      this.#heard.delete(before);
    }
    if (number === null) return;
    this.#numbers.set(name, number);
    this.#heard.set(number, heard);
  }

  /** Tells of what was heard since the last call. @returns when to ask again; Infinity: on a sound */
  hear(nowNs: number): number {
    const numbers = this.#watch.over();
    if (numbers === "all") { for (const heard of this.#heard.values()) heard(nowNs); }
    else for (const number of numbers) this.#heard.get(number)?.(nowNs);
    const isSilent = numbers !== "all" && numbers.size === 0;
    if (!isSilent) this.#deafUntilNs = nowNs + this.#deafNs;
    return nowNs < this.#deafUntilNs ? this.#deafUntilNs : Infinity;
  }
}
