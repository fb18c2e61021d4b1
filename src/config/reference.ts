/**
 * The reference of the configuration as Markdown: docs/config.md. Owns its layout; every fact
 * comes from the schema. Must not know: zod, files.
 */
import { configJsonSchema, dereferenced, type JsonSchema } from "./json_schema.ts";
import { KEYS_TO_COME } from "./schema_issues.ts";

const INTRODUCTION = `# Configuration reference

<!-- Generated from src/config/schema.ts by \`deno run -A src/config/reference_main.ts\`. -->

A crew is declared in \`supervisor.config.ts\` (or \`.js\`, \`.mjs\`, \`.json\`):

\`\`\`ts
import { command, defineConfig, deno, pipe } from "coxswain";

export default defineConfig({
  name: "vitals",
  processes: {
    sampler: { run: deno("./sampler.ts", { permissions: { sys: ["loadavg"] } }) },
    recorder: { run: command(["tee", "samples.ndjson"]), after: { sampler: "started" } },
  },
  channels: { readings: pipe({ from: "sampler.stdout", to: "recorder.stdin" }) },
});
\`\`\`

The file is evaluated in a Deno child of its own. It may import modules and JSON of its project
(the folder of the nearest \`deno.json\`, or its own folder), never \`.env\` files, and packages
that are in the cache already. It can read the environment variables that are named with
\`--env NAME\`, and nothing else; it has 10 seconds. What it exports must be plain data: in JSON
the constructors are written out, as \`{ "kind": "command", "argv": ["true"] }\`.

- **Durations** are texts: \`"250ms"\`, \`"1.5s"\`; \`us\`, \`ms\`, \`s\`, \`m\`, \`h\`; at most \`"2160h"\`.
- **Sizes** are texts: \`"512B"\`, \`"64KiB"\`, \`"10MiB"\`, \`"1GiB"\`; powers of 1024.
- **Names** of processes, groups, channels and profiles are a letter, then letters, digits, \`_\`
  or \`-\`; at most 63. Processes and groups share one space of names.
- **Paths** are relative to the folder of the configuration.
- **Profiles** are switched on with \`--profile NAME\`: see [\`profiles\`](#profiles).
- **Unknown keys** are errors. So are keys that a later version will know: @TO_COME@.

\`cox check\` reports everything that is wrong at once and exits with 100. \`cox schema\` prints the
same facts as a JSON Schema, which is also in [config.schema.json](config.schema.json).
`;

/**
 * Writes the reference.
 *
 * @returns The whole of docs/config.md.
 */
export function configReference(): string {
  const toCome = Object.keys(KEYS_TO_COME).map((key) => `\`${key}\``).join(", ");
  const root = configJsonSchema();
  const { $schema: _, ...properties } = root.properties ?? {};
  const book: Book = { root, sectionOf: new Map() };
  const sections = describe({ ...root, properties }, { path: "", title: "The file", book });
  return [INTRODUCTION.replace("@TO_COME@", toCome), ...sections].join("\n");
}

/** What is being written. */
interface Book {
  readonly root: JsonSchema;
  /** Where what several keys share is described: by its name, the path. */
  readonly sectionOf: Map<string, string>;
}

/** A section for an object, and after it one for each object inside. */
function describe(
  schema: JsonSchema,
  { path, title, book }: { path: string; title: string; book: Book },
): string[] {
  const lines = [`## ${title}`, ""];
  if (schema.description !== undefined && path !== "") lines.push(escape(schema.description), "");
  const inner: string[] = [];
  const required = schema.required ?? [];
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    lines.push(...describeKey(key, property, required.includes(key), book));
    inner.push(...describeInside(property, path === "" ? key : `${path}.${key}`, book));
  }
  return [lines.join("\n"), ...inner];
}

function describeInside(given: JsonSchema, path: string, book: Book): string[] {
  if (given.$ref !== undefined) {
    if (book.sectionOf.has(given.$ref)) return [];
    book.sectionOf.set(given.$ref, path);
  }
  const property = dereferenced(given, book.root);
  if (property.properties !== undefined) {
    return describe(property, { path, title: `\`${path}\``, book });
  }
  const entry = property.additionalProperties;
  if (typeof entry === "object" && (entry.properties ?? entry.oneOf) !== undefined) {
    return describeInside(entry, `${path}.NAME`, book);
  }
  if (property.items !== undefined) return describeInside(property.items, `${path}[]`, book);
  if (property.anyOf !== undefined) {
    // Where one entry may stand for a list of one, the entry is described once.
    const [lists, others] = [true, false].map((isList) =>
      property.anyOf!.filter((each) => (each.items !== undefined) === isList)
        .flatMap((each) => describeInside(each, path, book))
    );
    return others!.length > 0 ? others! : lists!;
  }
  return (property.oneOf ?? []).flatMap((each) => {
    const kind = String(each.properties?.["kind"]?.const);
    const { kind: shown, ...properties } = each.properties ?? {};
    const described = { ...each, properties, description: shown?.description ?? "" };
    return describe(described, { path, title: `\`${path}\`: ${kind}`, book });
  });
}

function describeKey(
  key: string,
  given: JsonSchema,
  required: boolean,
  { root, sectionOf }: Book,
): string[] {
  const schema = dereferenced(given, root);
  const place = given.$ref === undefined ? undefined : sectionOf.get(given.$ref);
  const type = place === undefined ? typeName(schema) : `as [\`${place}\`](#${anchor(place)})`;
  const facts = [`- Type: ${type}`];
  if (schema.unit !== undefined) facts.push(`- Unit: ${escape(schema.unit)}`);
  if (schema.range !== undefined) facts.push(`- Range: ${escape(schema.range)}`);
  facts.push(`- Default: ${required ? "none; required" : defaultText(schema)}`);
  return [`### \`${key}\``, "", escape(schema.description ?? ""), "", ...facts, ""];
}

function defaultText(schema: JsonSchema): string {
  const value = schema.default === undefined ? null : `\`${JSON.stringify(schema.default)}\``;
  const meaning = schema.absent === undefined ? null : escape(schema.absent);
  return [value, meaning].filter((each) => each !== null).join(": ") || "none";
}

function typeName(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``;
  if (schema.enum !== undefined) {
    return schema.enum.map((each) => `\`${JSON.stringify(each)}\``).join(", ");
  }
  const union = schema.anyOf;
  if (union !== undefined) return union.map(typeName).join(" or ");
  if (schema.oneOf !== undefined) return "an object with a `kind`; see below";
  if (schema.prefixItems !== undefined) {
    const types = schema.prefixItems.map(typeName);
    return new Set(types).size === 1
      ? `a list of ${types.length}, each ${types[0]}`
      : `a list of ${types.join(" and ")}`;
  }
  if (schema.items !== undefined) return `a list, each entry ${typeName(schema.items)}`;
  const entry = schema.additionalProperties;
  if (typeof entry === "object") {
    const inner = entry.properties ?? entry.oneOf;
    return `an object by name${inner === undefined ? `, each ${typeName(entry)}` : "; see below"}`;
  }
  if (schema.properties !== undefined) return "an object; see below";
  return [schema.type ?? "any"].flat().map((type) => scalarName(String(type), schema)).join(" or ");
}

function scalarName(type: string, schema: JsonSchema): string {
  if (type === "boolean") return "`true` or `false`";
  if (type === "integer") return "a whole number";
  if (type !== "string") return `a ${type}`;
  if (schema.pattern?.includes("(us|ms|s|m|h)")) return "a duration";
  return schema.pattern?.includes("KiB") ? "a size" : "a text";
}

/** Of a heading, as hosts of Markdown make it. */
function anchor(path: string): string {
  return path.toLowerCase().replace(/[^a-z0-9_-]/g, "");
}

/** Keeps Markdown from reading a pattern's or a path's characters as markup. */
function escape(text: string): string {
  return text.replace(/</g, "&lt;");
}
