/**
 * Who a process runs as: names and numbers of `user` and `group` turned into ids.
 * Must not know: how ids are changed.
 */
import type { ProcessConfig } from "../config/config.ts";
import type { Facts, UserFact } from "./facts.ts";

import type { Issues } from "./issues.ts";

/** The part of the facts that this depends on. */
export type IdentityFacts = Pick<Facts, "gid" | "groups" | "uid" | "users">;

/** An identity that differs from cox's own. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Its line of /etc/passwd; null: a number without one, or our own user with another group. */
  readonly user: UserFact | null;
}

/**
 * Resolves `user` and `group`.
 *
 * @param process The declared process.
 * @param name Its declared name, for issues.
 * @param facts Users, groups, and who cox itself is.
 * @param issues Receives unknown names, and changes that only root can make.
 * @returns null: cox's own identity (also after an issue).
 */
export function resolveIdentity(
  process: ProcessConfig,
  name: string,
  facts: IdentityFacts,
  issues: Issues,
): Identity | null {
  if (process.user === undefined && process.group === undefined) return null;
  const user = resolveUser(process.user, ["processes", name, "user"], facts, issues);
  const group = resolveGroup(process.group, ["processes", name, "group"], facts, issues);
  if (user === "unknown" || group === "unknown") return null;
  const uid = user?.uid ?? facts.uid;
  const gid = group ?? user?.entry?.gid ?? (user === null ? facts.gid : null);
  if (gid === null) {
    issues.error(
      ["processes", name, "user"],
      `user ${uid} has no line in /etc/passwd, so that its group is unknown`,
      "add `group`",
    );
    return null;
  }
  if (uid === facts.uid && gid === facts.gid) return null;
  if (facts.uid !== 0) {
    issues.error(
      ["processes", name, process.user === undefined ? "group" : "user"],
      `only root can run a process as uid ${uid} and gid ${gid}; cox runs as uid ${facts.uid}`,
      "start cox as root, or remove `user` and `group`",
    );
    return null;
  }
  return { uid, gid, user: user?.entry ?? null };
}

/**
 * Resolves the owner and group of a file.
 *
 * @param file As declared.
 * @param path Where it is declared.
 * @param facts Users, groups, and who cox itself is.
 * @param issues Receives unknown names, and changes that only root can make.
 * @returns null: there was an issue; a null inside: left as it is made.
 */
export function identityOfFile(
  file: { readonly owner?: string | number; readonly group?: string | number },
  path: readonly string[],
  facts: IdentityFacts,
  issues: Issues,
): { readonly uid: number | null; readonly gid: number | null } | null {
  const user = resolveUser(file.owner, [...path, "owner"], facts, issues);
  const gid = resolveGroup(file.group, [...path, "group"], facts, issues);
  if (user === "unknown" || gid === "unknown") return null;
  const uid = user?.uid ?? null;
  const foreign = (uid !== null && uid !== facts.uid) || (gid !== null && gid !== facts.gid);
  if (foreign && facts.uid !== 0) {
    issues.error(
      [...path, uid !== null && uid !== facts.uid ? "owner" : "group"],
      `only root can give a file away; cox runs as uid ${facts.uid}`,
      "start cox as root, or remove `owner` and `group`",
    );
    return null;
  }
  return { uid, gid };
}

interface ResolvedUser {
  readonly uid: number;
  readonly entry: UserFact | null;
}

function resolveUser(
  wanted: string | number | undefined,
  path: readonly string[],
  facts: IdentityFacts,
  issues: Issues,
): ResolvedUser | null | "unknown" {
  if (wanted === undefined) return null;
  const entry = facts.users.find((user) => user.name === wanted || user.uid === wanted) ?? null;
  if (typeof wanted === "number") return { uid: wanted, entry };
  if (entry !== null) return { uid: entry.uid, entry };
  issues.error(path, `there is no user "${wanted}" in /etc/passwd`, "create the user first");
  return "unknown";
}

function resolveGroup(
  wanted: string | number | undefined,
  path: readonly string[],
  facts: IdentityFacts,
  issues: Issues,
): number | null | "unknown" {
  if (wanted === undefined) return null;
  if (typeof wanted === "number") return wanted;
  const entry = facts.groups.find((group) => group.name === wanted);
  if (entry !== undefined) return entry.gid;
  issues.error(path, `there is no group "${wanted}" in /etc/group`, "create the group first");
  return "unknown";
}
