/**
 * The cox that is running: its folder, version and the names its code uses.
 * Must not know: any configuration.
 */
import { resolvePath } from "../paths.ts";

/** Where cox is and what it is. */
export interface CoxInstallation {
  readonly version: string;
  /** Absolute. */
  readonly dir: string;
  /** `imports` of its deno.json. */
  readonly imports: Readonly<Record<string, string>>;
}

/**
 * Describes the cox that this module belongs to.
 *
 * @throws {Error} If cox was not loaded from files (a child could not be given its modules), or
 *   its deno.json is not beside them.
 */
export function coxInstallation(): CoxInstallation {
  const here = import.meta.dirname;
  if (here === undefined) throw new Error("Cannot run cox from a URL: install it first");
  const dir = resolvePath(here, "../../..");
  const { version, imports } = JSON.parse(Deno.readTextFileSync(`${dir}/deno.json`));
  return { version, dir, imports };
}
