/**
 * What `feed` and `tell` are told on their command line by src/cli/run_config.ts: the name of the
 * port, and what a sample is. Must not know: what becomes of samples.
 */
import { type Struct, structLayout } from "../../channel/mailbox/schema.ts";
import type { SampleForm } from "./sample_json.ts";

/** The one end of a mailbox that either of them has. */
export const OWN_PORT = "samples";

/** The program that is run stands on the other end of the mailbox, at `port`. */
export interface SampleArguments extends SampleForm {
  readonly port: string;
  readonly schema: Struct | null;
}

/** Reads `PORT BYTES SCHEMA`; the schema is JSON, `null` for plain bytes. */
export function sampleArguments([port, bytes, schema]: readonly string[]): SampleArguments {
  const struct: Struct | null = JSON.parse(schema!);
  const layout = struct === null ? null : structLayout(struct);
  return { port: port!, sampleBytes: Number(bytes), schema: struct, layout };
}
