/**
 * The capture pipes: where the unwired stdout and stderr of each process go, for `@log`
 * to read. One pipe per process and stream for the whole run, so that nothing is lost
 * while either side restarts. Must not know: what `@log` does with them.
 *
 * Before each spawn a marker line goes in by the supervisor's own descriptor, so that
 * the reader knows which instance wrote what follows. The token in it is unguessable:
 * a program cannot forge the marker. A pipe that is full because nobody reads is made larger
 * for it; one that cannot grow any more loses its oldest bytes.
 */
import {
  closeFd,
  createPipe,
  dropFromPipe,
  growPipe,
  openNull,
  pipeCapacityBytes,
  reopenPipe,
  writeFd,
} from "../os/pipe.ts";
import type { Plan, ProcessIndex } from "../plan/plan.ts";
import { openFileOf } from "../process/tree.ts";
import { captureMarker } from "../system/log_protocol.ts";

/** The two captured streams. */
export type CaptureStream = "stdout" | "stderr";

/** `/proc/sys/fs/pipe-max-size` as the kernel sets it: what every user may ask for. */
const CAPACITY_BYTES_MAX = 1 << 20;
/** Frees one page of the pipe, and a marker needs no more. */
const DROP_BYTES = 4096;
/** Doublings from 64 KiB to the maximum, and some for leftovers that fill what is freed. */
const MARK_ATTEMPTS_MAX = 16;

/** How a marker got in. */
export interface MarkOutcome {
  /** False when somebody fills the pipe faster than it is freed: the marker is left out. */
  readonly marked: boolean;
  /** Of output that nobody had read, the oldest, that had to go. */
  readonly droppedBytes: number;
}

interface CapturePipe {
  readonly readFd: number;
  /** Held, so that `@log` sees no end while the process is down; non-blocking. */
  readonly writeFd: number;
  readonly inode: number;
}

/** All capture pipes of a plan. */
export class Captures implements Disposable {
  readonly #pipes = new Map<string, CapturePipe>();
  readonly #token: string;
  readonly #encoder = new TextEncoder();
  readonly #nullFd = openNull();
  #closed = false;

  /** @throws {SystemError} when a pipe cannot be made. */
  constructor(plan: Plan, token: string) {
    this.#token = token;
    plan.processes.forEach((process, index) => {
      for (const descriptor of process.descriptors) {
        if (descriptor.kind !== "log") continue;
        const pipe = createPipe();
        const writeFd = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
        closeFd(pipe.writeFd);
        this.#pipes.set(keyOf(index, descriptor.stream), {
          readFd: pipe.readFd,
          writeFd,
          inode: pipeInode(pipe.readFd),
        });
      }
    });
  }

  /** A fresh write end for one instance; the caller closes it after the spawn. */
  openWriteEnd(process: ProcessIndex, stream: CaptureStream): number {
    return reopenPipe(this.#pipe(process, stream).readFd, "write");
  }

  /** A fresh read end for one instance of `@log`; the caller closes it after the spawn. */
  openReadEnd(process: ProcessIndex, stream: CaptureStream): number {
    return reopenPipe(this.#pipe(process, stream).readFd, "read");
  }

  /**
   * Says in the stream that what follows is of another instance. Never waits for a reader:
   * neither a stopped terminal nor a dead `@log` may hold up a start, nor let the first lines
   * of an instance, and with them its readiness, count as those of the one before.
   */
  mark(process: ProcessIndex, stream: CaptureStream, instance: number): MarkOutcome {
    const bytes = this.#encoder.encode(captureMarker(this.#token, instance));
    const pipe = this.#pipe(process, stream);
    let droppedBytes = 0;
    for (let attempt = 0; attempt < MARK_ATTEMPTS_MAX; attempt++) {
      // Whole or not at all: it is shorter than PIPE_BUF.
      if (writeFd(pipe.writeFd, bytes) === bytes.length) return { marked: true, droppedBytes };
      const grownBytes = pipeCapacityBytes(pipe.writeFd) * 2;
      if (grownBytes <= CAPACITY_BYTES_MAX && growPipe(pipe.writeFd, grownBytes)) continue;
      droppedBytes += dropFromPipe(pipe.readFd, this.#nullFd, DROP_BYTES);
    }
    return { marked: false, droppedBytes };
  }

  /** The read ends of the process's capture pipes, held here. */
  readFdsOf(process: ProcessIndex): readonly number[] {
    return (["stdout", "stderr"] as const).flatMap((stream) => {
      const pipe = this.#pipes.get(keyOf(process, stream));
      return pipe === undefined ? [] : [pipe.readFd];
    });
  }

  /** Inodes of the process's capture pipes: who writes into them came from it. */
  inodesOf(process: ProcessIndex): readonly number[] {
    return (["stdout", "stderr"] as const).flatMap((stream) => {
      const pipe = this.#pipes.get(keyOf(process, stream));
      return pipe === undefined ? [] : [pipe.inode];
    });
  }

  /** Lets go of the write ends: the reader now sees the end when the last writer is gone. */
  [Symbol.dispose](): void {
    for (const pipe of this.#pipes.values()) {
      closeFd(pipe.writeFd);
      closeFd(pipe.readFd);
    }
    this.#pipes.clear();
    if (!this.#closed) closeFd(this.#nullFd);
    this.#closed = true;
  }

  #pipe(process: ProcessIndex, stream: CaptureStream): CapturePipe {
    const pipe = this.#pipes.get(keyOf(process, stream));
    if (pipe === undefined) throw new Error(`No capture pipe for process ${process} ${stream}`);
    return pipe;
  }
}

/** `/proc/self/fd/N` of a pipe is a link to `pipe:[inode]`. */
function pipeInode(fd: number): number {
  return Number(/^pipe:\[(\d+)\]$/.exec(openFileOf(Deno.pid, fd) ?? "")?.[1] ?? -1);
}

function keyOf(process: ProcessIndex, stream: CaptureStream): string {
  return `${process}/${stream}`;
}
