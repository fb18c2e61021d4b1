/**
 * Which link a program means by a name, and that each has one owner. Must not know: what is
 * done with it.
 */
import type { LinkInfo } from "./link.ts";
import { linksOf } from "./supervision.ts";

/** By port: nobody else may use its descriptors. */
const owned = new Set<string>();

/** A call that wants a link. */
export interface LinkRequest {
  /** The function that was called, for messages. */
  readonly call: string;
  /** What is wrong with a link; null: nothing. */
  readonly refuse: (link: LinkInfo) => string | null;
  /** Of a mailbox: what its samples are, for messages. */
  readonly samples?: string;
}

/**
 * Takes a link, by the name of its port or of its channel (a port of that name wins).
 *
 * @param name As the program has it.
 * @param request The call, and what it can work with.
 * @throws {NotSupervisedError} when no supervisor started the program, or of another version.
 * @throws {RangeError} when no link has that name.
 * @throws {TypeError} when it is of another kind, or was taken before.
 */
export function takeLink(name: string, request: LinkRequest): LinkInfo {
  const link = findLink(name, request);
  ownLink(name, request, link);
  return link;
}

/** Finds a link without taking it; errors as of {@linkcode takeLink}. */
export function findLink(name: string, { call, refuse, samples }: LinkRequest): LinkInfo {
  const known = linksOf(call, name, samples);
  const link = known.find(({ port }) => port === name) ?? known.find((each) => each.name === name);
  if (link === undefined) {
    const list = known.map(({ port, name }) => `"${port}" (channel "${name}")`).join(", ");
    throw new RangeError(
      refused(call, name) +
        `this process has ${known.length === 0 ? "no links" : `the links ${list}`}`,
    );
  }
  const wrong = refuse(link);
  if (wrong !== null) throw new TypeError(refused(call, name) + wrong);
  return link;
}

/** Takes a link that was found. @throws {TypeError} when it was taken before. */
export function ownLink(name: string, { call }: LinkRequest, { port }: LinkInfo): void {
  if (owned.has(port)) {
    throw new TypeError(`${refused(call, name)}it was taken before, and has one owner`);
  }
  owned.add(port);
}

function refused(call: string, name: string): string {
  return `Cannot call ${call}(${JSON.stringify(name)}): `;
}
