/** `cox trace`. */
import type { CommandContext } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { locateRunDir } from "./locate.ts";

export async function run(context: CommandContext): Promise<number> {
  const { io } = context;
  const folder = `${await locateRunDir(context)}/traces`;
  const names: string[] = [];
  try {
    for await (const { name } of Deno.readDir(folder)) if (name.endsWith(".json")) names.push(name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  if (names.length === 0) io.err("no contract was missed, so nothing was written\n");
  for (const name of names.sort()) io.out(`${folder}/${name}\n`);
  return EXIT.ok;
}
