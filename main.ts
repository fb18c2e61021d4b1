/**
 * The `cox` command. Checks the runtime's version before it loads anything that an older
 * one could not, then hands over to `src/cli/dispatch.ts`.
 */
import { DENO_VERSION_MIN, isOlder } from "./src/cli/deno_version.ts";

if (import.meta.main) {
  if (isOlder(Deno.version.deno, DENO_VERSION_MIN)) {
    console.error(
      `cox: Deno ${DENO_VERSION_MIN} or newer is needed, this is ${Deno.version.deno}; ` +
        `try \`npx -y deno@${DENO_VERSION_MIN} task start\` or \`deno upgrade\``,
    );
    Deno.exit(100);
  }
  const { main } = await import("./src/cli/dispatch.ts");
  Deno.exit(await main(Deno.args));
}
