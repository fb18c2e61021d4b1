/**
 * Users and groups of this machine, from /etc/passwd and /etc/group. Must not know: who needs
 * them. Directory services (NSS) are not asked: numbers work for users known only there.
 */
import type { GroupFact, UserFact } from "../facts.ts";

/**
 * Reads the lines of a passwd(5) text; malformed lines are skipped, as libc does.
 *
 * @param text Contents of /etc/passwd.
 */
export function parsePasswd(text: string): UserFact[] {
  return text.split("\n").flatMap((line) => {
    const [name, , uid, gid, , home] = line.split(":");
    const numbers = [Number(uid || NaN), Number(gid || NaN)] as const;
    if (!name || home === undefined || !numbers.every(Number.isSafeInteger)) return [];
    return [{ name, uid: numbers[0], gid: numbers[1], home }];
  });
}

/**
 * Reads the lines of a group(5) text; malformed lines are skipped.
 *
 * @param text Contents of /etc/group.
 */
export function parseGroup(text: string): GroupFact[] {
  return text.split("\n").flatMap((line) => {
    const [name, , gid, list = ""] = line.split(":");
    const number = Number(gid || NaN);
    if (!name || !Number.isSafeInteger(number)) return [];
    return [{ name, gid: number, members: list.split(",").filter((member) => member !== "") }];
  });
}

/** Users and groups; none where the files do not exist (a minimal container). */
export function readAccounts(): { users: UserFact[]; groups: GroupFact[] } {
  return {
    users: parsePasswd(readOrEmpty("/etc/passwd")),
    groups: parseGroup(readOrEmpty("/etc/group")),
  };
}

function readOrEmpty(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}
