/**
 * What a declared process runs in: identity, working directory, environment. Owns how the
 * configuration's keys lead there; shared by the compilation and by the search for what the
 * compilation needs to know. Must not know: what is run.
 */
import type { ProcessConfig } from "../config/config.ts";
import { buildEnvironment } from "./environment.ts";
import type { Facts } from "./facts.ts";
import { type Identity, resolveIdentity } from "./identity.ts";
import type { Issues } from "./issues.ts";
import { resolvePath } from "./paths.ts";

/** The part of the facts that this depends on: what is known before anything is looked up. */
export type ContextFacts = Pick<
  Facts,
  "denoDir" | "environment" | "envFiles" | "gid" | "groups" | "projectDir" | "uid" | "users"
>;

/** What a process runs in. */
export interface ProcessContext {
  /** null: cox's own. */
  readonly identity: Identity | null;
  /** Absolute. */
  readonly cwd: string;
  /** Sorted by name. */
  readonly env: readonly (readonly [name: string, value: string])[];
  /** Its own PATH, in which its program is looked up; `""`: it has none. */
  readonly path: string;
}

/**
 * Resolves the context of a declared process.
 *
 * @param name Its declared name, for issues.
 * @param process What is declared.
 * @param facts Users, groups, cox's environment, the contents of env files.
 * @param issues Receives unknown users, unreadable files, dangerous variables.
 */
export function processContext(
  name: string,
  process: ProcessConfig,
  facts: ContextFacts,
  issues: Issues,
): ProcessContext {
  const identity = resolveIdentity(process, name, facts, issues);
  const files = (process.envFiles ?? []).map((file, at) => {
    const path = resolvePath(facts.projectDir, file);
    const fact = facts.envFiles.get(path);
    if (fact?.kind === "read") return fact.values;
    issues.error(
      ["processes", name, "envFiles", at],
      `cannot read the environment file ${path}: ${fact?.reason ?? "it was not looked at"}`,
      "create it, or remove it from `envFiles`",
    );
    return {};
  });
  const environment = buildEnvironment({
    own: facts.environment,
    declared: process.env,
    files,
    user: identity?.user ?? null,
    denoDir: process.run.kind === "command" ? null : facts.denoDir,
  });
  for (const problem of environment.problems) {
    if (problem.kind === "in-file") {
      issues.error(
        ["processes", name, "envFiles", problem.file],
        `${problem.name} is refused in a file: it changes which code a program runs`,
        "give its value in `env`, where it can be seen",
      );
    } else if (problem.kind === "passed") {
      issues.error(
        ["processes", name, "env", problem.name],
        `${problem.name} is not passed through: it changes which code a program runs`,
        "give its value here",
      );
    } else {
      issues.warning(
        ["processes", name, "env", problem.name],
        `${problem.name} changes which code the program runs`,
      );
    }
  }
  const cache = environment.entries.find(([variable]) => variable === "DENO_DIR")?.[1];
  if (process.run.kind === "deno" && cache !== facts.denoDir) {
    // The compiled form of everything that runs there, the preload's included, is taken from it
    // as it is: one who may write it has every permission at the next start.
    issues.error(
      ["processes", name, "env", "DENO_DIR"],
      "DENO_DIR is refused to a sandboxed program: compiled code is in the module cache, " +
        "which has to be the one that is filled and protected before the start",
      "remove it, and set DENO_DIR for cox itself",
    );
  }
  return {
    identity,
    cwd: resolvePath(facts.projectDir, process.cwd ?? "."),
    env: environment.entries,
    path: environment.entries.find(([variable]) => variable === "PATH")?.[1] ?? "",
  };
}
