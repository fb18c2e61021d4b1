/**
 * Instances of a channel's processes, started as the supervisor starts them, but by the test:
 * with `spawnProcess` and descriptors from `openEnd`. Owns their output files and their end.
 */
import type { Channel, ChannelEnd } from "../../src/channel/channel.ts";
import { closeFd, openNull } from "../../src/os/pipe.ts";
import { sendSignal } from "../../src/os/signals.ts";
import { denoRunCommand } from "../../src/plan/deno_command.ts";
import { type LinkDescription, preloadSource } from "../../src/plan/preload.ts";
import { reap } from "../../src/process/reap.ts";
import { spawnProcess } from "../../src/process/spawn.ts";
import { eventually } from "../support/crew.ts";

const MOD = new URL("../../src/child/mod.ts", import.meta.url).href;

/** A channel's end on a descriptor of the instance. */
export interface InstanceLink {
  readonly channel: Channel;
  readonly end: ChannelEnd;
  readonly fd: number;
}

/** A running instance. */
export interface Instance {
  readonly pid: number;
  /** What it has written to stdout and stderr so far. */
  output(): string;
  outputBytes(): number;
  /** Waits for its end; removes its output file. @returns all that it wrote. */
  ended(): Promise<string>;
  kill(): void;
}

/** Starts a shell script; `$OUT` is not needed: its output is gathered. */
export function startShell(script: string, links: readonly InstanceLink[]): Instance {
  return start(["/bin/sh", "-c", script], links);
}

/**
 * Starts a Deno program without any permission, with the supervisor's own preload. `connect`
 * and `child` are in scope.
 *
 * @param v8Flags Flags of V8, such as `--expose-gc`. @default none
 */
export function startClient(
  body: string,
  links: readonly (InstanceLink & { readonly description: LinkDescription })[],
  v8Flags: readonly string[] = [],
): Instance {
  const source = `import * as child from ${JSON.stringify(MOD)};
const { connect } = child;
${body}`;
  const argv = denoRunCommand({
    denoPath: Deno.execPath(),
    importMap: null,
    lockPath: null,
    preload: preloadSource({
      process: "client",
      notifyFd: null,
      gateFd: null,
      links: links.map(({ description }) => description),
      memory: null,
    }),
    ...(v8Flags.length === 0 ? {} : { v8Flags }),
    permissionFlags: [],
    program: `data:text/javascript,${encodeURIComponent(source)}`,
    args: [],
  });
  return start(argv, links);
}

function start(argv: readonly string[], links: readonly InstanceLink[]): Instance {
  const folder = Deno.makeTempDirSync({ prefix: "cox-conformance-" });
  const out = `${folder}/out`;
  const nullFd = openNull();
  const opened = links.map(({ channel, end, fd }) => ({ fd, source: channel.openEnd(end, 1) }));
  const spawned = spawnProcess({
    executable: "/bin/sh",
    argv: ["/bin/sh", "-c", `exec "$@" >"$0" 2>&1`, out, ...argv],
    cwd: folder,
    env: [["NO_COLOR", "1"], ["PATH", "/usr/bin:/bin"], ["HOME", Deno.env.get("HOME") ?? "/"]],
    umask: 0o022,
    descriptors: [0, 1, 2].map((fd) => ({ fd, source: nullFd })).concat(opened),
  });
  closeFd(nullFd);
  for (const { source } of opened) closeFd(source);
  if (spawned.kind === "failed") throw new Error(`${spawned.errno} ${spawned.path}`);
  const { pid, pidfd } = spawned;
  const output = () => {
    try {
      return Deno.readTextFileSync(out);
    } catch {
      return "";
    }
  };
  return {
    pid,
    output,
    outputBytes: () => fileSize(out),
    async ended() {
      try {
        await eventually(`${argv[0]} ends`, () => reap(pid).kind !== "running");
      } catch (error) {
        sendSignal(-pid, 9);
        throw new Error(`${(error as Error).message}; output: ${output()}`);
      } finally {
        closeFd(pidfd);
      }
      const text = output();
      await Deno.remove(folder, { recursive: true });
      return text;
    },
    kill: () => sendSignal(pid, 9),
  };
}

function fileSize(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
