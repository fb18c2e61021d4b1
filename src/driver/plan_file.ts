/**
 * How the supervisor comes by its plan. Must not know: what is in it.
 */
import type { Plan } from "../plan/plan.ts";

/**
 * Reads the plan, and leaves no file: the environments in it are nobody else's, and a sandboxed
 * program reads JSON whose path stands in an `import()` without any permission.
 *
 * @param path Of the file.
 * @throws {Error} when there is none, or it cannot be removed.
 */
export function takePlan(path: string): Plan {
  const plan = JSON.parse(Deno.readTextFileSync(path)) as Plan;
  Deno.removeSync(path);
  return plan;
}
