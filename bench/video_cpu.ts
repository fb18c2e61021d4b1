/**
 * Claim: frames of 1 MiB cost less processor time in mailboxes than in pipes. Both configurations
 * of examples/video, thirty frames a second through three stages, each for some seconds; all that
 * the crew uses is counted, `@relay` and the supervisor included.
 *
 * ```
 *  pipes      camera ──► @relay ──► detector ──► @relay ──► viewer
 *  mailboxes  camera ═══════════► detector ═══════════► viewer
 * ```
 */
import { makeRow, type Row } from "./row.ts";
import { coxUpFile } from "./support/crew.ts";
import { median } from "./support/stats.ts";
import { childPids, threadUse } from "./support/procfs.ts";
import { Workshop } from "./support/workshop.ts";

export const name = "video_cpu";

const EXAMPLE = new URL("../examples/video/", import.meta.url).pathname;
const WARM_UP_MS = 3000;
const MEASURED_MS = 6000;
const RUNS = 2;

/** Measures. */
export async function run(): Promise<Row[]> {
  await using workshop = await Workshop.open();
  const shares: Record<"mailboxes" | "pipes", number[]> = { mailboxes: [], pipes: [] };
  for (let turn = 0; turn < RUNS; turn++) {
    shares.mailboxes.push(await cpuShare(workshop, "mailbox/", `mailboxes${turn}`));
    shares.pipes.push(await cpuShare(workshop, "", `pipes${turn}`));
  }
  return [
    makeRow({
      claim: "Processor time of thirty frames of 1 MiB a second in mailboxes, whole crew",
      measured: median(shares.mailboxes),
      unit: "% of a core",
      baseline: { name: "in relayed pipes", value: median(shares.pipes) },
      target: { of: "ratio", rule: "at most", value: 1 },
      spread: { least: Math.min(...shares.mailboxes), most: Math.max(...shares.mailboxes) },
      runs: RUNS,
    }),
  ];
}

async function cpuShare(workshop: Workshop, folder: string, crew: string): Promise<number> {
  const argv = coxUpFile(`${EXAMPLE}${folder}supervisor.config.ts`, `${workshop.folder}/${crew}`);
  const child = workshop.start(argv, { stderr: "null" });
  await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  const pids = descendants(child.pid);
  const before = cpuNs(pids);
  const fromMs = performance.now();
  await new Promise((resolve) => setTimeout(resolve, MEASURED_MS));
  const share = (cpuNs(pids) - before) / 1e6 / (performance.now() - fromMs) * 100;
  child.kill("SIGTERM");
  await child.status;
  return share;
}

function descendants(pid: number): number[] {
  return [pid, ...childPids(pid).flatMap(descendants)];
}

/** Of what is still there. */
function cpuNs(pids: readonly number[]): number {
  let sum = 0;
  for (const pid of pids) {
    try {
      for (const { cpuNs } of threadUse(pid).values()) sum += cpuNs;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
  return sum;
}
