/** Compares runtime versions. Pure; imports nothing, so that any Deno can load it. */

/** The oldest Deno that cox runs on: known holes of its sandbox were fixed by then. */
export const DENO_VERSION_MIN = "2.9.6";

/**
 * Whether `version` is older than `minimum`. A pre-release (`2.9.6-rc.1`) is older than its
 * release; what is no version at all is older than anything.
 *
 * @param version as in `Deno.version.deno`; `+build` is ignored.
 */
export function isOlder(version: string, minimum: string): boolean {
  const have = parse(version);
  const need = parse(minimum);
  if (have === null || need === null) return true;
  for (let at = 0; at < 3; at++) {
    const difference = have.numbers[at]! - need.numbers[at]!;
    if (difference !== 0) return difference < 0;
  }
  return have.preRelease && !need.preRelease;
}

function parse(text: string): { numbers: number[]; preRelease: boolean } | null {
  const match = /^(\d+)\.(\d+)\.(\d+)(-[^+]*)?(?:\+.*)?$/.exec(text);
  if (match === null) return null;
  return {
    numbers: [Number(match[1]), Number(match[2]), Number(match[3])],
    preRelease: match[4] !== undefined,
  };
}
