/**
 * Kills processes of a crew at random moments, again and again: who lives was started since the
 * last kill, and has had some time to work. Must not know: what is to be held afterwards.
 */
import { connectControl } from "../../../src/control/client.ts";
import type { CrewSnapshot } from "../../../src/control/protocol.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import { WATCHDOG_MS } from "../../support/crew.ts";
import { seededRandom } from "../../unit/system/relay/support.ts";

const SIGKILL = 9;

/** How often each of them is killed. */
export const KILLS = Number(Deno.env.get("COX_KILLS") ?? "300");

/** Processes that are killed together. */
export interface Victims {
  readonly names: readonly string[];
  /** @default KILLS */
  readonly kills?: number;
  /** They live for so long at most, milliseconds. @default 12 */
  readonly livesMs?: number;
  /** Whether they do what they are there for, since their last start. @default they run */
  readonly areAtWork?: (now: CrewSnapshot, atStart: CrewSnapshot) => boolean;
}

/** Who is due, and when. */
interface Target {
  readonly victims: Victims;
  left: number;
  /** Of the last kill. */
  killed: readonly number[];
  /** When they were first seen anew. */
  seen: CrewSnapshot | null;
  dueMs: number;
}

/**
 * Kills all of them as often as they say, side by side.
 *
 * @param seed of the moments, for a failing test's message.
 * @throws {Error} when somebody does not come back.
 */
export async function killOverAndOver(
  runDir: string,
  seed: number,
  ...all: readonly Victims[]
): Promise<void> {
  const random = seededRandom(seed);
  const targets = all.map((victims): Target => ({
    victims,
    left: victims.kills ?? KILLS,
    killed: [],
    seen: null,
    dueMs: Infinity,
  }));
  using control = await connectControl(`${runDir}/control.sock`);
  let movedMs = performance.now();
  while (targets.some(({ left }) => left > 0)) {
    const now = await control.call("snapshot", {});
    const nowMs = performance.now();
    for (const target of targets) if (consider(target, now, nowMs, random)) movedMs = nowMs;
    if (nowMs - movedMs > WATCHDOG_MS) {
      throw new Error(`seed ${seed}: nobody came back in ${JSON.stringify(now, null, 1)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** @returns whether they were killed. */
function consider(
  target: Target,
  now: CrewSnapshot,
  nowMs: number,
  random: (below: number) => number,
): boolean {
  const { victims: { names, livesMs = 12, areAtWork = () => true }, killed } = target;
  if (target.left === 0) return false;
  const pids = names.map((name) => (now.processes[name] ?? now.system[name])?.pid ?? 0);
  if (pids.some((pid) => pid === 0 || killed.includes(pid))) return false;
  target.seen ??= now;
  if (target.dueMs === Infinity && areAtWork(now, target.seen)) {
    target.dueMs = nowMs + random(livesMs + 1);
  }
  if (nowMs < target.dueMs) return false;
  for (const pid of pids) sendSignal(pid, SIGKILL);
  target.killed = pids;
  target.seen = null;
  target.dueMs = Infinity;
  target.left--;
  return true;
}
