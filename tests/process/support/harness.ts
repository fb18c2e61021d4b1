/** What the tests of real processes share: waiting, temporary places, spawning. */
import { closeFd, createPipe, openNull, readFd } from "../../../src/os/pipe.ts";
import { reap, type ReapResult } from "../../../src/process/reap.ts";
import { Lateness } from "./lateness.ts";
import { spawnProcess, type SpawnRequest, type SpawnResult } from "../../../src/process/spawn.ts";

/** No single step of these tests takes longer on a loaded machine, unless it hangs. */
const WATCHDOG_MS = 20_000;

/**
 * Polls until the condition gives something other than false, null or undefined.
 *
 * @throws {Error} with `what` when it does not within the watchdog's time.
 */
export async function until<T>(
  what: string,
  condition: () => T | Promise<T>,
  withinMs = WATCHDOG_MS,
): Promise<NonNullable<T>> {
  const end = performance.now() + withinMs;
  for (;;) {
    const value = await condition();
    if (value !== false && value !== null && value !== undefined) return value;
    if (performance.now() > end) throw new Error(`Not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/**
 * Waits for what is promised within a time.
 *
 * @throws {Error} with `what` when it took longer than a machine as busy as this one accounts for.
 */
export async function promptly(
  what: string,
  condition: () => boolean,
  promisedMs: number,
): Promise<void> {
  using lateness = new Lateness();
  const sinceMs = performance.now();
  await until(what, condition);
  const [tookMs, allowedMs] = [performance.now() - sinceMs, lateness.allow(promisedMs)];
  if (tookMs > allowedMs) throw new Error(`Took ${tookMs} of ${allowedMs} ms: ${what}`);
}

/** A directory that goes with its scope. */
export function temporaryDirectory(): { readonly path: string } & Disposable {
  const path = Deno.makeTempDirSync({ prefix: "cox-test-" });
  return { path, [Symbol.dispose]: () => Deno.removeSync(path, { recursive: true }) };
}

/** A number that no other process has in its arguments: marks what a test started. */
export function uniqueSeconds(): string {
  const random = crypto.getRandomValues(new Uint32Array(2));
  return `9${String(random[0]).padStart(10, "0")}.${random[1]}`;
}

/** Living processes with this text among their arguments; zombies are dead. */
export function livingWith(marker: string): number[] {
  const found: number[] = [];
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^[0-9]+$/.test(name)) continue;
    try {
      if (!Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(marker)) continue;
      if (/^State:\s+[^ZX]/m.test(Deno.readTextFileSync(`/proc/${name}/status`))) {
        found.push(Number(name));
      }
    } catch {
      // It ended while we looked.
    }
  }
  return found;
}

/** Names of our own open descriptors. */
export function openDescriptors(): number {
  return [...Deno.readDirSync("/proc/self/fd")].length;
}

/** Starts `/bin/sh -c` with the script; stdin is null. */
export function shellRequest(script: string, changes: Partial<SpawnRequest> = {}): SpawnRequest {
  return {
    executable: "/bin/sh",
    argv: ["/bin/sh", "-c", script],
    cwd: "/",
    env: [["PATH", "/usr/sbin:/usr/bin:/bin"]],
    umask: 0o022,
    descriptors: [],
    ...changes,
  };
}

/** Spawns, or fails the test. */
export function mustSpawn(request: SpawnRequest): Extract<SpawnResult, { kind: "spawned" }> {
  const result = spawnProcess(request);
  if (result.kind === "failed") throw new Error(`spawn: ${result.errno} ${result.path}`);
  return result;
}

/** Waits for the end of a child of ours and collects it. */
export async function ended(
  child: { readonly pid: number; readonly pidfd: number },
  withinMs = WATCHDOG_MS,
): Promise<Extract<ReapResult, { kind: "exited" }>> {
  const result = await until(`exit of ${child.pid}`, () => {
    const found = reap(child.pid);
    return found.kind === "exited" ? found : null;
  }, withinMs);
  closeFd(child.pidfd);
  return result;
}

/** Runs a program to its end; what it wrote to stdout and stderr together. */
export async function outputOf(
  request: SpawnRequest,
): Promise<{ text: string; exit: Extract<ReapResult, { kind: "exited" }> }> {
  const { readFd: from, writeFd: to } = createPipe();
  const nullFd = openNull();
  const child = mustSpawn({
    ...request,
    descriptors: [
      { fd: 0, source: nullFd },
      { fd: 1, source: to },
      { fd: 2, source: to },
      ...request.descriptors,
    ],
  });
  closeFd(to);
  closeFd(nullFd);
  const exit = await ended(child);
  const buffer = new Uint8Array(65536);
  let text = "";
  for (;;) {
    const count = readFd(from, buffer);
    if (count === 0 || count === "would-block") break;
    text += new TextDecoder().decode(buffer.subarray(0, count));
  }
  closeFd(from);
  return { text, exit };
}
