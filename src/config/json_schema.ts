/**
 * The JSON Schema of a configuration, for editors and for the generated reference. Owns the
 * translation from zod. Must not know: how either shows it.
 */
import { z } from "zod";
import { configSchema } from "./schema.ts";

/** A JSON Schema (2020-12), with the facts of the documentation as further keywords. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly prefixItems?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly pattern?: string;
  readonly default?: unknown;
  /** What the value counts, or the units that it is written in. */
  readonly unit?: string;
  /** Smallest to largest value. */
  readonly range?: string;
  /** What an absent key means, where that is no value. */
  readonly absent?: string;
  /** `#/$defs/NAME`: what several keys share. */
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
  readonly [keyword: string]: unknown;
}

/**
 * Makes the JSON Schema of `supervisor.config.json`.
 *
 * @returns Every key with its documentation, unit, range and default.
 */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema, { io: "input" }) as JsonSchema;
  return {
    ...schema,
    properties: {
      $schema: { type: "string", description: "Where this schema is, for an editor." },
      ...schema.properties,
    },
  };
}

/**
 * Puts what a schema refers to in its place; what it says itself wins.
 *
 * @param schema Any part of the whole.
 * @param root The whole, with its `$defs`.
 */
export function dereferenced(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const { $ref, ...own } = schema;
  const name = $ref?.replace("#/$defs/", "");
  return name === undefined ? schema : { ...root.$defs?.[name], ...own };
}
