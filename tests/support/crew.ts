/**
 * Runs a real crew for a test: a project folder of its own, `cox up` as a child, a control
 * client, and an end that leaves nothing behind. Not for unit tests.
 */
import { connectControl } from "../../src/control/client.ts";
import type { CrewSnapshot, ProcessSnapshot } from "../../src/control/protocol.ts";
import { readSmallFile } from "../../src/os/file.ts";
import { isCrewCgroup, removeCgroup } from "../../src/process/crew_cgroup.ts";
import type { EventRecord } from "../../src/audit/event_record.ts";

const COX_DIR = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** The longest that a test waits for a condition; it is a watchdog, not a measurement. */
export const WATCHDOG_MS = 30_000;

/** A running `cox up`. */
export interface TestCrew extends AsyncDisposable {
  readonly projectDir: string;
  readonly runDir: string;
  /** Pid of `cox up`, which becomes the guard. */
  readonly pid: number;
  snapshot(): Promise<CrewSnapshot>;
  process(name: string): Promise<ProcessSnapshot>;
  /** The event file's lines. */
  events(): EventRecord[];
  /** Waits until `condition` of the snapshot holds. @throws {Error} with the last snapshot. */
  until(what: string, condition: (snapshot: CrewSnapshot) => boolean): Promise<CrewSnapshot>;
  /** Sends SIGTERM to `cox up` and waits for its end. */
  stop(): Promise<Deno.CommandStatus>;
  /** Waits for its end. */
  ended(): Promise<Deno.CommandStatus>;
  /** All that it has written to stdout and stderr so far. */
  output(): string;
}

/** Options of {@link startCrew}. */
export interface TestCrewOptions {
  /** More arguments for `cox up`. */
  readonly args?: readonly string[];
  /** Files of the project, by relative path; their folders are made. */
  readonly files?: Readonly<Record<string, string>>;
  /** Which of them may be executed. */
  readonly executables?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /**
   * A command line that runs `cox up` as its last arguments, by exec or so that a KILL ends
   * both: `prlimit …`, `unshare --kill-child …`. @default none
   */
  readonly under?: readonly string[];
  /** A program of the test's in place of `main.ts`, and its first arguments. */
  readonly front?: readonly string[];
  /** Wait until the control socket answers. @default true */
  readonly waitForControl?: boolean;
}

/** The `cox` command line for a test's own use. */
export function coxCommand(
  args: readonly string[],
  front: readonly string[] = [`${COX_DIR}/main.ts`],
): string[] {
  return [Deno.execPath(), "run", "-A", "--cached-only", "--config", `${COX_DIR}/deno.json`]
    .concat(front, args);
}

/**
 * Writes `config` (the source of a supervisor.config.ts) into a new folder and starts it.
 */
export async function startCrew(config: string, options: TestCrewOptions = {}): Promise<TestCrew> {
  const projectDir = await Deno.makeTempDir({ prefix: "cox-test-" });
  const runDir = `${projectDir}/run`;
  await Deno.writeTextFile(`${projectDir}/supervisor.config.ts`, config);
  for (const [path, text] of Object.entries(options.files ?? {})) {
    const file = `${projectDir}/${path}`;
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(file, text);
    if (options.executables?.includes(path)) await Deno.chmod(file, 0o755);
  }
  const up = coxCommand(["up", "--run-dir", runDir, ...options.args ?? []], options.front);
  const [command = "", ...args] = [...options.under ?? [], ...up];
  const child = new Deno.Command(command, {
    args,
    cwd: projectDir,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let text = "";
  const gathered = [child.stdout, child.stderr].map(async (stream) => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) text += chunk;
  });
  let status: Deno.CommandStatus | null = null;
  const ended = child.status.then(async (value) => {
    status = value;
    // A survivor may hold the output open: that is another test's finding, not a hang here.
    await Promise.race([Promise.all(gathered), new Promise((resolve) => setTimeout(resolve, 500))]);
    return value;
  });
  const crew: TestCrew = {
    projectDir,
    runDir,
    pid: child.pid,
    async snapshot() {
      const client = await connectControl(`${runDir}/control.sock`);
      try {
        return await client.call("snapshot", {});
      } finally {
        client.close();
      }
    },
    async process(name) {
      const found = (await crew.snapshot()).processes[name];
      if (found === undefined) throw new Error(`no process ${name}`);
      return found;
    },
    events() {
      return Deno.readTextFileSync(`${runDir}/events.jsonl`).trimEnd().split("\n")
        .filter((line) => line !== "").map((line) => JSON.parse(line) as EventRecord);
    },
    async until(what, condition) {
      const giveUpAt = Date.now() + WATCHDOG_MS;
      let last: CrewSnapshot | null = null;
      let problem: unknown = null;
      while (Date.now() < giveUpAt && status === null) {
        try {
          last = await crew.snapshot();
          if (condition(last)) return last;
        } catch (error) {
          problem = error;
        }
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      throw new Error(
        `waited in vain until ${what}; status ${JSON.stringify(status)}; last error ${problem}; ` +
          `snapshot ${JSON.stringify(last, null, 1)}; output:\n${text}`,
      );
    },
    async stop() {
      if (status === null) child.kill("SIGTERM");
      return await ended;
    },
    ended: () => ended,
    output: () => text,
    async [Symbol.asyncDispose]() {
      // What runs `cox up` may not pass a signal on; it must see to its children's end.
      if (status === null) child.kill(options.under === undefined ? "SIGTERM" : "SIGKILL");
      await ended;
      removeNotedCgroup(runDir);
      await Deno.remove(projectDir, { recursive: true }).catch(() => {});
    },
  };
  if (options.waitForControl ?? true) await crew.until("control answers", () => true);
  return crew;
}

/** What a killed guard could not remove, the next run would; here there is none. */
function removeNotedCgroup(runDir: string): void {
  const dir = readSmallFile(`${runDir}/cgroup`)?.trim();
  if (dir !== undefined && isCrewCgroup(dir)) removeCgroup(dir);
}

/** Whether a process exists and is no zombie. */
export function isAlive(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/\) [ZX] /.test(stat);
  } catch {
    return false;
  }
}

/** Waits until `condition` holds. @throws {Error} naming `what` when the watchdog is up. */
export async function eventually(
  what: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const giveUpAt = Date.now() + WATCHDOG_MS;
  while (Date.now() < giveUpAt) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`waited in vain until ${what}`);
}
