/** The documentation is generated: what is in the repository must be what the schema says. */
import { assert, assertEquals } from "@std/assert";
import { configJsonSchema, type JsonSchema } from "../../../src/config/json_schema.ts";
import { configReference } from "../../../src/config/reference.ts";

const docs = new URL("../../../docs/", import.meta.url);
const REGENERATE = "stale: deno run -A src/config/reference_main.ts";

Deno.test("configReference() is what docs/config.md holds", async () => {
  const text = await Deno.readTextFile(new URL("config.md", docs));
  assert(text === configReference(), REGENERATE);
});

Deno.test("configJsonSchema() is what docs/config.schema.json holds", async () => {
  const text = await Deno.readTextFile(new URL("config.schema.json", docs));
  assert(text === `${JSON.stringify(configJsonSchema(), null, 2)}\n`, REGENERATE);
});

Deno.test("configJsonSchema() documents every key with its default, and every quantity with unit and range", () => {
  let keys = 0;
  for (const { path, schema, required } of everyKey(configJsonSchema(), "")) {
    if (path === "$schema") continue;
    keys++;
    assert((schema.description ?? "").length > 10, `${path} has no documentation`);
    const absent = schema.default !== undefined || schema.absent !== undefined;
    assert(required || absent, `${path} is optional and has no default`);
    assert(!(required && absent), `${path} is required and has a default`);
    const isNumber = schema.type === "number" || schema.type === "integer";
    const isQuantity = schema.pattern?.includes("(us|ms|s|m|h)") || schema.pattern?.includes("KiB");
    if (isNumber || isQuantity) assert(schema.range !== undefined, `${path} has no range`);
    if (isQuantity) assert(schema.unit !== undefined, `${path} has no unit`);
  }
  assert(keys > 60, `only ${keys} keys were seen`);
});

Deno.test("configReference() describes what several keys share once, and refers to it", () => {
  const text = configReference();
  const titles = [...text.matchAll(/^## `(.*)`$/gm)].map(([, title]) => title!);
  const contracts = titles.filter((title) => /\.(miss|tolerate|broken)$/.test(title));
  assertEquals(contracts.length, 2, contracts.join(", "));
  for (const [, path, place] of text.matchAll(/Type: as \[`(.*?)`\]\(#(.*?)\)/g)) {
    assert(titles.includes(path!), path);
    assertEquals(place, path!.toLowerCase().replaceAll(/[.[\]]/g, ""));
  }
  const refs = [...JSON.stringify(configJsonSchema()).matchAll(/"#\/\$defs\/(\w+)"/g)];
  const { $defs = {} } = configJsonSchema();
  for (const [, name] of refs) assert(Object.hasOwn($defs, name!), name);
});

Deno.test("configJsonSchema() allows no unknown key in any object of fixed keys", () => {
  const visit = (schema: JsonSchema): void => {
    if (schema.properties !== undefined) assertEquals(schema.additionalProperties, false);
    for (const inner of parts(schema)) visit(inner);
  };
  visit(configJsonSchema());
});

interface Key {
  readonly path: string;
  readonly schema: JsonSchema;
  readonly required: boolean;
}

function* everyKey(schema: JsonSchema, path: string): Generator<Key> {
  for (const [key, property] of Object.entries(schema.properties ?? {})) {
    const at = path === "" ? key : `${path}.${key}`;
    yield { path: at, schema: property, required: (schema.required ?? []).includes(key) };
    yield* everyKey(property, at);
  }
  const { properties: _, ...rest } = schema;
  for (const inner of parts(rest)) yield* everyKey(inner, path);
}

function parts(schema: JsonSchema): JsonSchema[] {
  const entry = schema.additionalProperties;
  return [
    ...Object.values(schema.properties ?? {}),
    ...(schema.oneOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.prefixItems ?? []),
    ...(typeof entry === "object" ? [entry] : []),
    ...(typeof schema.items === "object" ? [schema.items] : []),
    ...Object.values(schema.$defs ?? {}),
  ];
}
