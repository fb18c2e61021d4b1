/** Where the runtime is. Must not know: any command. */
import { SystemRefusal } from "./exit_codes.ts";

/**
 * The runtime's own file: a link to it could be pointed elsewhere later.
 *
 * @param execPath what this process was started from.
 * @returns absolute, links resolved.
 * @throws {SystemRefusal} when this user cannot reach it, as after a change of user whose new
 *   one may not search a folder on the way: no process of a crew could be started from there.
 */
export function denoPath(execPath: string = Deno.execPath()): string {
  try {
    return Deno.realPathSync(execPath);
  } catch (error) {
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new SystemRefusal(
      `the runtime, ${execPath}, cannot be reached by user ${Deno.uid()}: ` +
        `a folder on the way may not be searched; install Deno where this user can run it`,
    );
  }
}
