/**
 * A sealed program, started as the supervisor starts one: with the preload that the plan gives it,
 * over segments of the test's own. Owns its descriptors and its output.
 * Must not know: what it tries.
 */
import {
  BELL,
  CONSUMER_BELL,
  CONSUMER_BYTES,
  segmentBytes,
} from "../../src/channel/mailbox/layout.ts";
import { reopenReadOnly } from "../../src/os/futex.ts";
import { closeFd, createPipe, openNull } from "../../src/os/pipe.ts";
import { createSharedMemory } from "../../src/os/shared_memory.ts";
import { denoRunCommand } from "../../src/plan/deno_command.ts";
import { preloadSource } from "../../src/plan/preload.ts";
import { reap } from "../../src/process/reap.ts";
import { spawnProcess } from "../../src/process/spawn.ts";
import type { MemoryRequest } from "../../src/seal/sealed_memory.ts";
import { eventually } from "./crew.ts";
import { shapeWith, sharedMailbox } from "./mailbox_memory.ts";

/** One mailbox with a producer and a consumer, and a page of deadlines for either. */
export class SealedBench implements Disposable {
  readonly shape = shapeWith();
  readonly memory = sharedMailbox(this.shape);
  readonly pulse = createSharedMemory("pulse", 4096);
  readonly doorbell = createPipe();
  readonly readOnly = reopenReadOnly(this.memory.samples.fd);

  /** What the consumer's preload is told, with its descriptors. */
  consumer(): { request: MemoryRequest; descriptors: { fd: number; source: number }[] } {
    return {
      request: {
        segments: [
          { fd: 4, bytes: segmentBytes(this.shape), access: "read", what: "the samples" },
          { fd: 5, bytes: CONSUMER_BYTES, access: "read-write", what: "its page" },
          { fd: 7, bytes: 4096, access: "read-write", what: "the deadlines" },
        ],
        mailboxes: [{
          role: "consumer",
          port: "samples",
          samples: 0,
          own: 1,
          bellOffset: BELL * 4,
          consumerBellOffset: CONSUMER_BELL * 4,
        }],
        pulse: 2,
        closeOnExec: [6],
        refusesSymlinks: false,
      },
      descriptors: [
        { fd: 4, source: this.readOnly },
        { fd: 5, source: this.memory.consumers[0]!.fd },
        { fd: 6, source: this.doorbell.readFd },
        { fd: 7, source: this.pulse.fd },
      ],
    };
  }

  /** The same of the producer. */
  producer(): { request: MemoryRequest; descriptors: { fd: number; source: number }[] } {
    return {
      request: {
        segments: [
          { fd: 4, bytes: segmentBytes(this.shape), access: "read-write", what: "the samples" },
          { fd: 5, bytes: CONSUMER_BYTES, access: "read", what: "a page" },
        ],
        mailboxes: [{
          role: "producer",
          port: "samples",
          samples: 0,
          consumers: [1],
          bellOffset: BELL * 4,
          consumerBellOffset: CONSUMER_BELL * 4,
          doorbellFds: [6],
        }],
        pulse: null,
        closeOnExec: [6],
        refusesSymlinks: false,
      },
      descriptors: [
        { fd: 4, source: this.memory.samples.fd },
        { fd: 5, source: this.memory.consumers[0]!.fd },
        { fd: 6, source: this.doorbell.writeFd },
      ],
    };
  }

  [Symbol.dispose](): void {
    const { samples, consumers } = this.memory;
    for (const { fd } of [samples, ...consumers, this.pulse]) closeFd(fd);
    for (const fd of [this.readOnly, this.doorbell.readFd, this.doorbell.writeFd]) closeFd(fd);
  }
}

/** What a sealed program is, besides its memory. */
export interface SealedOptions {
  /** @default none but for foreign functions */
  readonly permissionFlags?: readonly string[];
  /** Run in place of the text. */
  readonly program?: string;
  readonly importMap?: string;
  readonly cwd?: string;
  /** Runs beside the program. */
  readonly meanwhile?: (pid: number) => Promise<void>;
}

/** How it ended. */
export interface SealedEnd {
  /** All of stdout and stderr. */
  readonly text: string;
  readonly code: number | null;
  readonly signal: string | null;
}

/**
 * Runs a program to its end. `memory` is in the scope of its text.
 *
 * @param body Statements of a module.
 */
export async function runSealed(
  body: string,
  { request, descriptors }: ReturnType<SealedBench["consumer"]>,
  options: SealedOptions = {},
): Promise<SealedEnd> {
  const source = `const { memory } = globalThis[Symbol.for("coxswain.links")];\n${body}`;
  const argv = denoRunCommand({
    denoPath: Deno.execPath(),
    importMap: options.importMap ?? null,
    lockPath: null,
    preload: preloadSource({
      process: "sealed",
      notifyFd: null,
      gateFd: null,
      links: [],
      memory: request,
    }),
    permissionFlags: [...options.permissionFlags ?? [], "--allow-ffi"],
    program: options.program ?? `data:text/javascript,${encodeURIComponent(source)}`,
    args: [],
  });
  const folder = Deno.makeTempDirSync({ prefix: "cox-sealed-" });
  const out = `${folder}/out`;
  const nullFd = openNull();
  try {
    const spawned = spawnProcess({
      executable: "/bin/sh",
      argv: ["/bin/sh", "-c", `exec "$@" >"$0" 2>&1`, out, ...argv],
      cwd: options.cwd ?? folder,
      env: [["NO_COLOR", "1"], ["PATH", "/usr/bin:/bin"], ["HOME", Deno.env.get("HOME") ?? "/"]],
      umask: 0o022,
      noDebugger: true,
      descriptors: [0, 1, 2].map((fd) => ({ fd, source: nullFd })).concat(descriptors),
    });
    if (spawned.kind === "failed") throw new Error(`${spawned.errno} ${spawned.path}`);
    let result = reap(spawned.pid);
    try {
      await options.meanwhile?.(spawned.pid);
      await eventually("the sealed program ends", () => {
        if (result.kind === "running") result = reap(spawned.pid);
        return result.kind !== "running";
      });
    } catch (error) {
      Deno.kill(-spawned.pid, "SIGKILL");
      throw new Error(`${(error as Error).message}; output: ${Deno.readTextFileSync(out)}`);
    } finally {
      closeFd(spawned.pidfd);
    }
    const text = Deno.readTextFileSync(out);
    if (result.kind === "running") throw new Error("unreachable");
    const { reason } = result;
    return {
      text,
      code: reason.kind === "code" ? reason.code : null,
      signal: reason.kind === "signal" ? reason.signal : null,
    };
  } finally {
    closeFd(nullFd);
    Deno.removeSync(folder, { recursive: true });
  }
}
