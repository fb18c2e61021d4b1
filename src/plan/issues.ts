/**
 * Collects what is wrong with a configuration, so that all of it is reported at once.
 * Must not know: any rule.
 */
import type { ConfigIssue } from "../config/config.ts";

/** Where in the configuration: `["processes", "sampler", "env"]`. */
export type IssuePath = readonly (string | number)[];

/** The issues of one compilation, in the order they were found. */
export class Issues {
  readonly #list: ConfigIssue[] = [];

  /** Adds an error: the configuration will be refused. */
  error(path: IssuePath, message: string, fix: string | null = null): void {
    this.#list.push({ severity: "error", path, message, fix });
  }

  /** Adds a warning: the configuration runs as it is. */
  warning(path: IssuePath, message: string, fix: string | null = null): void {
    this.#list.push({ severity: "warning", path, message, fix });
  }

  /** True if any error was added. */
  get refused(): boolean {
    return this.#list.some((issue) => issue.severity === "error");
  }

  /** Everything added so far. */
  list(): ConfigIssue[] {
    return [...this.#list];
  }
}
