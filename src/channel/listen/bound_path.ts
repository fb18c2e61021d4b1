/**
 * A listening socket on a path: its directory, what an earlier run left there, owner and
 * mode, and its removal. Must not know: the channel.
 *
 * Who can write to the directory can put a server of its own in the socket's place: that
 * must be nobody but us and root. A sticky directory (/tmp) will do: others cannot remove
 * what is ours there.
 */
import { listDirectory, makeDirectory, removeFile } from "../../os/file.ts";
import { closeFd } from "../../os/pipe.ts";
import {
  type FileIdentity,
  fileIdentity,
  hasListener,
  listenUnix,
  setAccess,
} from "../../os/socket.ts";
import type { UnixListenPlan } from "../../plan/plan.ts";

const OPEN_DIRECTORY_MODE = 0o755;
const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;
const DEPTH_MAX = 64;

/** A path that cannot be listened on safely. Reported like a refused system call. */
export class ListenError extends Error {
  /** The nearest error of the kernel's, for the record of a failed start. */
  readonly errno: string;
  readonly path: string;
  constructor(path: string, errno: string, problem: string) {
    super(`Cannot listen on "${path}": ${problem}`);
    this.name = "ListenError";
    this.errno = errno;
    this.path = path;
  }
}

/** A bound path. */
export interface BoundPath {
  readonly fd: number;
  /** Removes the file, if it is still the one that was made. */
  remove(): void;
}

/**
 * Binds a path and listens. A socket that nobody listens on is removed first, when it is
 * ours: an earlier run's.
 *
 * @throws {ListenError} when the path is taken, or its directory not safe.
 * @throws {SystemError} when the kernel refuses.
 */
export function bindPath(plan: UnixListenPlan, backlog: number): BoundPath {
  const { path, uid, gid, mode } = plan;
  const ownUid = Deno.uid() ?? 0;
  prepareDirectory(plan, ownUid);
  removeStale(plan, ownUid);
  const fd = listenUnix(path, backlog);
  let made: FileIdentity | null;
  try {
    setAccess(path, { uid, gid, mode });
    made = fileIdentity(path);
  } catch (error) {
    closeFd(fd);
    removeFile(path);
    throw error;
  }
  return {
    fd,
    remove() {
      if (made !== null && fileIdentity(path)?.inode === made.inode) removeFile(path);
    },
  };
}

function prepareDirectory(plan: UnixListenPlan, ownUid: number): void {
  const directory = parentOf(plan.path);
  makeDirectories(directory, DEPTH_MAX);
  // Above it links may lead anywhere that is safe; the last step is looked at as it is.
  const found = fileIdentity(`${directory}/.`);
  if (found?.kind !== "directory") {
    throw new ListenError(plan.path, "ENOTDIR", `"${directory}" is not a directory`);
  }
  if (found.uid !== ownUid && found.uid !== 0) {
    throw new ListenError(
      plan.path,
      "EPERM",
      `its directory "${directory}" belongs to uid ${found.uid}, who could replace the socket`,
    );
  }
  if (plan.directory !== null) {
    if (found.uid !== ownUid) {
      throw new ListenError(plan.path, "EPERM", `its directory "${directory}" is not ours`);
    }
    const own = plan.path.slice(plan.path.lastIndexOf("/") + 1);
    const other = listDirectory(directory)?.find(({ name }) => name !== own);
    if (other !== undefined) {
      const problem = `"${directory}" is to be the channel's own, and holds "${other.name}"`;
      throw new ListenError(plan.path, "ENOTEMPTY", problem);
    }
    return setAccess(directory, { uid: null, ...plan.directory });
  }
  const shared = (found.mode & WRITABLE_BY_OTHERS) !== 0;
  if (shared && (found.mode & STICKY) === 0) {
    const octal = found.mode.toString(8);
    throw new ListenError(
      plan.path,
      "EPERM",
      `others may write to its directory "${directory}" (mode ${octal}); chmod go-w`,
    );
  }
}

function makeDirectories(path: string, depthLeft: number): void {
  if (fileIdentity(path) !== null || depthLeft === 0) return;
  makeDirectories(parentOf(path), depthLeft - 1);
  const errno = makeDirectory(path, OPEN_DIRECTORY_MODE);
  if (errno !== null) throw new ListenError(path, errno, `its directory: ${errno}`);
  // mkdir's mode is cut by our umask.
  setAccess(path, { uid: null, gid: null, mode: OPEN_DIRECTORY_MODE });
}

function removeStale(plan: UnixListenPlan, ownUid: number): void {
  const { path } = plan;
  const found = fileIdentity(path);
  if (found === null) return;
  if (found.kind !== "socket") {
    throw new ListenError(path, "EEXIST", "there is a file of that name that is no socket");
  }
  if (found.uid !== ownUid && found.uid !== plan.uid) {
    throw new ListenError(path, "EEXIST", `a socket of uid ${found.uid} is there`);
  }
  if (hasListener(path)) {
    throw new ListenError(path, "EADDRINUSE", "another program listens there");
  }
  const errno = removeFile(path);
  if (errno !== null && errno !== "ENOENT") throw new ListenError(path, errno, errno);
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
