/**
 * JSON with comments and trailing commas, as deno.json files may have them. Owns turning it
 * into plain JSON text. Must not know: what is in it.
 */

/**
 * Replaces comments by spaces and drops trailing commas, outside of strings; line numbers and
 * columns stay what they were.
 *
 * @param text JSON with comments.
 * @returns Text for `JSON.parse`, if the input was well-formed apart from these.
 */
export function plainJson(text: string): string {
  // One alternative per token that may hold what looks like another: strings win over comments.
  const token = /"(?:[^"\\]|\\[\s\S])*"|\/\/[^\n]*|\/\*[\s\S]*?\*\//g;
  const bare = text.replace(
    token,
    (match) => match.startsWith('"') ? match : match.replace(/[^\n]/g, " "),
  );
  return bare.replace(
    /"(?:[^"\\]|\\[\s\S])*"|(?<![{[,:]\s*),(\s*[}\]])/g,
    (match, tail?: string) => tail === undefined ? match : ` ${tail}`,
  );
}
