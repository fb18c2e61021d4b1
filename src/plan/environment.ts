/**
 * The environment of a process: cleared, then what is allowed, by name or by value.
 * Later wins: passed by default, of the user, ours for the runtime, files, `env`.
 * Must not know: instance variables (the supervisor adds them at each spawn).
 */
import type { ProcessConfig } from "../config/config.ts";
import { DEFAULTS } from "../config/defaults.ts";

/** What an environment is built from. */
export interface EnvironmentRequest {
  /** cox's own environment. */
  readonly own: Readonly<Record<string, string>>;
  /** `env` of the process. */
  readonly declared: ProcessConfig["env"];
  /** Variables of its env files, in order. */
  readonly files: readonly Readonly<Record<string, string>>[];
  /** The user it runs as, if not ours. */
  readonly user: { readonly name: string; readonly home: string } | null;
  /** The module cache, for a child of the runtime; null for other programs. */
  readonly denoDir: string | null;
}

/** The environment, and what in it deserves a word. */
export interface Environment {
  /** Sorted by name. */
  readonly entries: readonly (readonly [name: string, value: string])[];
  readonly problems: readonly EnvironmentProblem[];
}

/**
 * A variable that changes which code a program runs: `set` by value in `env` (a warning);
 * `passed` through, or in a file (refused: nobody has looked at the value).
 */
export interface EnvironmentProblem {
  readonly name: string;
  readonly kind: "set" | "passed" | "in-file";
  /** Index of the file, for `in-file`. */
  readonly file: number;
}

/**
 * Builds the environment of a process.
 *
 * @param request What to build it from.
 */
export function buildEnvironment(request: EnvironmentRequest): Environment {
  const values = new Map<string, string>();
  const problems: EnvironmentProblem[] = [];
  const pass = (name: string) => {
    if (Object.hasOwn(request.own, name)) values.set(name, request.own[name]!);
  };
  DEFAULTS.envPassed.forEach(pass);
  if (request.user !== null) {
    values.set("HOME", request.user.home);
    values.set("USER", request.user.name);
    values.set("LOGNAME", request.user.name);
  }
  if (request.denoDir !== null) {
    pass("NO_COLOR");
    values.set("DENO_DIR", request.denoDir);
    values.set("DENO_NO_UPDATE_CHECK", "1");
  }
  for (const [index, file] of request.files.entries()) {
    for (const [name, value] of Object.entries(file)) {
      if (changesCode(name)) problems.push({ name, kind: "in-file", file: index });
      else values.set(name, value);
    }
  }
  for (const [name, value] of Object.entries(request.declared ?? {})) {
    if (value === false) values.delete(name);
    else if (typeof value === "string") values.set(name, value);
    else if (!changesCode(name)) pass(name);
    if (value !== false && changesCode(name)) {
      problems.push({ name, kind: value === true ? "passed" : "set", file: -1 });
    }
  }
  const entries = [...values].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return { entries, problems };
}

/**
 * Tells whether a variable makes a program load or run other code: the loader's `LD_*`, and
 * the option variables that the runtime honours.
 */
export function changesCode(name: string): boolean {
  return name === "NODE_OPTIONS" || name === "DENO_V8_FLAGS" || name.startsWith("LD_");
}
