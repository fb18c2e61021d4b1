/** Which programs this machine has: a test that needs another is skipped, and says so in its name. */

/**
 * Looks a program up.
 *
 * @param command its name, in PATH; no text of the shell.
 */
export function isThere(command: string): boolean {
  return new Deno.Command("sh", { args: ["-c", `command -v ${command}`], stdout: "null" })
    .outputSync().success;
}
