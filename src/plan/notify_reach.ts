/**
 * Whether a process with a user of its own can reach its sd_notify socket, which lies beside
 * the run directory: a closed folder above would keep it silent until its readiness times out.
 * Must not know: what is said on the socket.
 */
import type { FolderFact } from "./facts.ts";
import type { Identity } from "./identity.ts";

/**
 * Finds what keeps a user from passing.
 *
 * @param folders Each folder on the way.
 * @param identity Who wants to pass; supplementary groups are not counted.
 * @returns The first folder that is closed to it, or null.
 */
export function closedTo(folders: readonly FolderFact[], identity: Identity): FolderFact | null {
  if (identity.uid === 0) return null;
  return folders.find(({ mode, uid, gid }) => {
    const needed = uid === identity.uid ? 0o100 : gid === identity.gid ? 0o010 : 0o001;
    return (mode & needed) === 0;
  }) ?? null;
}
