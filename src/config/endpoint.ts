/**
 * An endpoint of a channel as written: `"sampler.stdout"`. Owns its grammar. Must not know:
 * what is declared.
 */

/** One end of a channel. */
export interface Endpoint {
  readonly process: string;
  readonly port: string;
}

/**
 * Takes an endpoint apart.
 *
 * @param text `"process.port"`.
 * @returns Both parts, or null if it is not of that form.
 */
export function parseEndpoint(text: string): Endpoint | null {
  const match = /^([^.]+)\.([^.]+)$/.exec(text);
  return match === null ? null : { process: match[1]!, port: match[2]! };
}
