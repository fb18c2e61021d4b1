/**
 * Which link a program means by a name, and that each has one owner. Must not know: what is
 * done with it.
 */
import type { LinkInfo } from "./link.ts";
import { linksOf } from "./supervision.ts";

/** By descriptor: nobody else may use it. */
const owned = new Set<number>();

/**
 * Takes a link, by the name of its port or of its channel (a port of that name wins).
 *
 * @param name As the program has it.
 * @param what The call, for messages, and what it can work with.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when it is of another kind, or was taken before.
 */
export function takeLink(
  name: string,
  what: {
    readonly call: string;
    /** What is wrong with a link; null: nothing. */
    readonly refuse: (link: LinkInfo) => string | null;
  },
): LinkInfo {
  const { call, refuse } = what;
  const known = linksOf(call, name);
  const link = known.find(({ port }) => port === name) ?? known.find((each) => each.name === name);
  const refused = `Cannot call ${call}(${JSON.stringify(name)}): `;
  if (link === undefined) {
    const list = known.map(({ port, name }) => `"${port}" (channel "${name}")`).join(", ");
    throw new RangeError(
      `${refused}this process has ${known.length === 0 ? "no links" : `the links ${list}`}`,
    );
  }
  const wrong = refuse(link);
  if (wrong !== null) throw new TypeError(`${refused}${wrong}`);
  if (owned.has(link.fd)) throw new TypeError(`${refused}it was taken before, and has one owner`);
  owned.add(link.fd);
  return link;
}
