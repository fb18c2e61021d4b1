/**
 * Writes docs/config.md and docs/config.schema.json: `deno run -A src/config/reference_main.ts`.
 * Must not know: what is in them.
 */
import { configJsonSchema } from "./json_schema.ts";
import { configReference } from "./reference.ts";

const docs = new URL("../../docs/", import.meta.url);
await Deno.mkdir(docs, { recursive: true });
await Deno.writeTextFile(new URL("config.md", docs), configReference());
const schema = `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
await Deno.writeTextFile(new URL("config.schema.json", docs), schema);
