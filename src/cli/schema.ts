/** `cox schema`. */
import { configJsonSchema } from "../config/json_schema.ts";
import type { CommandContext } from "./command.ts";
import { EXIT } from "./exit_codes.ts";

export function run({ io }: CommandContext): Promise<number> {
  io.out(JSON.stringify(configJsonSchema(), null, 2) + "\n");
  return Promise.resolve(EXIT.ok);
}
