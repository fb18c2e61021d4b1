/**
 * What the supervisor's preload left for this program: its own name and its
 * descriptors. Owns reading and checking that record, and the error for its absence.
 * Must not know: what is written to the descriptors.
 *
 * A program that the supervisor starts without the preload (`task()`, `command(["deno", …])`)
 * has its links in COX_LINKS, and reads them there if it may.
 *
 * The preload runs before the program's first module and sets
 * `globalThis[Symbol.for("coxswain.links")]`. It is read at each call and not at import,
 * so that importing `coxswain/child` has no effect of its own.
 */

import type { SealedMemory } from "../seal/sealed_memory.ts";
import type { LinkInfo } from "./link.ts";

/** The record of the preload, layout 1. */
export interface Supervision {
  readonly version: 1;
  /** Name of this process in the configuration. */
  readonly process: string;
  /** Pipe to the supervisor in sd_notify's text format; null when the plan gives none. */
  readonly notifyFd: number | null;
  /** Socket to the supervisor about the connections of a server; null: it has no need of one. */
  readonly gateFd: number | null;
  readonly links: readonly LinkInfo[];
  /** What was mapped before the program began; null: it has no memory. */
  readonly memory: SealedMemory | null;
}

/**
 * Why there is nobody to notify. `no-supervisor`: the program was started by hand.
 * `no-descriptor`: it is supervised, but its plan has no notify descriptor.
 * `other-version`: the supervisor is of another version of cox than this module.
 */
export type NotSupervisedReason = "no-supervisor" | "no-descriptor" | "other-version";

/**
 * A call that speaks to the supervisor was made where there is none.
 *
 * The caller's move: run the program with `cox up`, or ask {@linkcode isSupervised} first.
 *
 * @example What it looks like in a program that was started by hand
 * ```ts
 * import { NotSupervisedError, ready } from "coxswain/child";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const error = await assertRejects(() => ready(), NotSupervisedError);
 * assertEquals(error.reason, "no-supervisor");
 * ```
 */
export class NotSupervisedError extends Error {
  override readonly name = "NotSupervisedError";
  /** Which of the three it is. */
  readonly reason: NotSupervisedReason;

  /**
   * Made by this module; public so that callers can tell it with `instanceof`.
   *
   * @param call The function that was called, for the message.
   * @param reason Why it cannot work.
   * @param port What it was called with, if that is a port.
   * @param samples Of a mailbox: what its samples are, as `cox run` is told of it.
   */
  constructor(call: string, reason: NotSupervisedReason, port?: string, samples?: string) {
    const given = port === undefined ? "" : JSON.stringify(port);
    super(`Cannot call ${call}(${given}): ${explain(reason, call, { port, samples })}`);
    this.reason = reason;
  }
}

/**
 * Tells whether a supervisor of this version started the program.
 *
 * Costs a property read, never throws, needs no permission. A program that is to run
 * by hand as well asks this before {@linkcode ready}.
 *
 * @returns true under `cox up`.
 *
 * @example
 * ```ts
 * import { isSupervised } from "coxswain/child";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(isSupervised(), false); // nobody supervises a documentation test
 * ```
 */
export function isSupervised(): boolean {
  return readRecord()?.version === 1;
}

/**
 * The descriptor on which `call` is to speak.
 *
 * @throws {NotSupervisedError} when there is none.
 */
export function notifyDescriptor(call: string): number {
  const record = readRecord();
  if (record === null) throw new NotSupervisedError(call, "no-supervisor");
  if (record.version !== 1) throw new NotSupervisedError(call, "other-version");
  if (record.notifyFd === null) throw new NotSupervisedError(call, "no-descriptor");
  return record.notifyFd;
}

/**
 * The descriptor on which a server asks the supervisor about its connections; null: there is
 * none, as where the links come from COX_LINKS.
 */
export function gateDescriptor(): number | null {
  return readRecord()?.gateFd ?? null;
}

/**
 * The memory that was mapped for this program; null: none, as where the links come from
 * COX_LINKS.
 */
export function sealedMemory(): SealedMemory | null {
  return readRecord()?.memory ?? null;
}

/**
 * The links of this process.
 *
 * @param call The function that was called, for the message.
 * @param port The port or channel that it is to use, for the message.
 * @param samples Of a mailbox: what its samples are, for the message.
 * @throws {NotSupervisedError} when nobody told of any, or in another layout.
 */
export function linksOf(call: string, port?: string, samples?: string): readonly LinkInfo[] {
  const record = readRecord() ?? readVariable();
  if (record === null) throw new NotSupervisedError(call, "no-supervisor", port, samples);
  if (record.version !== 1) throw new NotSupervisedError(call, "other-version", port);
  return record.links;
}

const LINKS = Symbol.for("coxswain.links");

/** COX_LINKS has the same layout without `notifyFd`, `gateFd` and `memory`. */
function readVariable(): Pick<Supervision, "version" | "process" | "links"> | null {
  const query = { name: "env", variable: "COX_LINKS" } as const;
  if (Deno.permissions.querySync(query).state !== "granted") return null;
  const text = Deno.env.get("COX_LINKS");
  return text === undefined ? null : JSON.parse(text);
}

function readRecord(): Supervision | null {
  const value = (globalThis as Record<symbol, unknown>)[LINKS];
  return typeof value === "object" && value !== null ? value as Supervision : null;
}

/** What a call was about. */
interface Wanted {
  readonly port: string | undefined;
  readonly samples: string | undefined;
}

/** How both sides of a mailbox, or a program alone, are declared. */
const DECLARATIONS = {
  mailbox: "declare both sides of the mailbox in supervisor.config.ts\n" +
    '  import { defineConfig, deno, mailbox } from "coxswain";\n' +
    "  export default defineConfig({\n" +
    '    name: "crew",\n' +
    '    processes: { cam: { run: deno("./cam.ts") }, view: { run: deno("./view.ts") } },\n' +
    '    channels: { frames: mailbox({ from: "cam.frames", to: "view.frames", ' +
    'sampleBytes: "1MiB" }) },\n' +
    "  });\n",
  program: "declare it in supervisor.config.ts\n" +
    '  import { defineConfig, deno } from "coxswain";\n' +
    '  export default defineConfig({ name: "crew", processes: ' +
    '{ me: { run: deno("./me.ts") } } });\n',
};

function explain(reason: NotSupervisedReason, call: string, wanted: Wanted): string {
  switch (reason) {
    case "no-supervisor":
      return "this program was not started by a supervisor. To try it alone\n" +
        `  ${aloneCommand(call, wanted)}\n` +
        "with --allow for what it may do (`cox help run`). To supervise it, " +
        DECLARATIONS[wanted.samples === undefined ? "program" : "mailbox"] +
        "and run `cox up`; or call it only if isSupervised()";
    case "no-descriptor":
      return 'its plan has no notify descriptor. Set `ready: { by: "notify" }` for this ' +
        "process in supervisor.config.ts";
    case "other-version":
      return "the supervisor and `coxswain/child` are of different versions. Import " +
        "the one that came with the `cox` that runs";
  }
}

/** What a port leads to where it is tried out; packets come back as they went. */
const ALONE: Readonly<Record<string, (samples: string) => string>> = {
  connect: () => "-",
  packets: () => "seqpacket|cat",
  listener: () => "listen:8080",
  takeListenerFd: () => "listen:8080",
  mailboxConsumer: (samples) => `mailbox:${samples}<-`,
  mailboxProducer: (samples) => `mailbox:${samples}>-`,
};

/** The command that runs this program as it was started, with that port. */
function aloneCommand(call: string, { port, samples = "" }: Wanted): string {
  const main = Deno.mainModule;
  const program = main.startsWith("file:") ? decodeURIComponent(new URL(main).pathname) : "./me.ts";
  const how = ALONE[call]?.(samples);
  const options = port === undefined || how === undefined ? [] : ["--port", `${port}=${how}`];
  return ["cox", "run", ...options, "--", program, ...Deno.args].map(shellWord).join(" ");
}

function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
