/**
 * Answers which keys the schema knows at a place in a configuration. Owns the walk through
 * zod's own description of itself. Must not know: what the keys mean.
 */
import { z } from "zod";
import type { IssuePath } from "./issue.ts";
import { configSchema } from "./schema.ts";

/**
 * Lists the keys that are valid at a path.
 *
 * @param raw The configuration as written; it decides between the members of a union.
 * @param path Where the object stands.
 * @returns The known keys; empty where the schema has no object of fixed keys.
 */
export function knownKeys(raw: unknown, path: IssuePath): readonly string[] {
  let schema: z.core.$ZodType | undefined = configSchema;
  let value = raw;
  for (const key of path) {
    schema = schema && member(narrowed(schema, value), key);
    value = property(value, key);
  }
  const last = schema && narrowed(schema, value);
  return last instanceof z.ZodObject ? Object.keys(last.shape) : [];
}

/** Takes off `optional`, and picks the member of a union that the value, by its `kind`, is of. */
function narrowed(schema: z.core.$ZodType, value: unknown): z.core.$ZodType {
  if (schema instanceof z.ZodExactOptional) return narrowed(schema.unwrap(), value);
  if (!(schema instanceof z.ZodUnion)) return schema;
  const kind = property(value, "kind");
  const fits = (option: z.core.$ZodType) =>
    option instanceof z.ZodObject && option.shape["kind"] instanceof z.ZodLiteral &&
    option.shape["kind"].values.has(kind as string);
  const options: readonly z.core.$ZodType[] = schema.options;
  if (Array.isArray(value)) return options.find((option) => option instanceof z.ZodArray) ?? schema;
  return options.find(fits) ?? options.find((option) => option instanceof z.ZodObject) ?? schema;
}

function member(schema: z.core.$ZodType, key: string | number): z.core.$ZodType | undefined {
  if (schema instanceof z.ZodObject) {
    return Object.hasOwn(schema.shape, key) ? schema.shape[key] : undefined;
  }
  if (schema instanceof z.ZodRecord) return schema.valueType;
  return schema instanceof z.ZodArray ? schema.element : undefined;
}

function property(value: unknown, key: string | number): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}
