/**
 * What `cox doctor` finds about time: how late this machine is, what makes it later, and which
 * contracts of the configuration it can keep. Must not know: how a finding is shown.
 */
import { listDirectory, readSmallFile } from "../os/file.ts";
import type { MachineFigures } from "../deadline/misfits.ts";
import { misfits } from "../deadline/misfits.ts";
import { readRights } from "../plan/probe/rights.ts";
import type { Plan } from "../plan/plan.ts";
import type { CommandContext } from "./command.ts";
import { SystemRefusal, UserError } from "./exit_codes.ts";
import { type Finding, lost, ok } from "./finding.ts";
import { type Lateness, timerLateness, wakeUpLateness } from "./lateness.ts";
import { locateConfig, locateRunDir } from "./locate.ts";
import { preparePlan } from "./prepare_plan.ts";

/** Above this a period of some milliseconds is not kept. */
const LATE_NS = 2_000_000;
/** CAP_IPC_LOCK of capabilities(7). */
const CAP_IPC_LOCK = 14;

/** Measures for some three seconds, and looks around. */
export async function diagnoseTime(context: CommandContext): Promise<readonly Finding[]> {
  const timers = await timerLateness();
  const own = wakeUpLateness("own") as Lateness;
  const fifo = wakeUpLateness("fifo");
  const rights = readRights(readSmallFile);
  const machine: MachineFigures = {
    cpus: rights.cpus,
    realTimeShare: rights.realTimeShare,
    jitterNs: { other: own.p99Ns, realTime: typeof fifo === "string" ? own.p99Ns : fifo.p99Ns },
    measured: true,
  };
  return [
    measured("timers", timers, "programs that pace themselves by timers miss periods below that"),
    measured("wake-ups", own, "contracts closer than that are missed without anybody's fault"),
    realTime(fifo, rights.rtPriorityMax),
    throttling(rights.realTimeShare),
    governor(),
    isolatedCpus(),
    pressure(),
    lockedMemory(rights.capabilities.includes(CAP_IPC_LOCK)),
    hardwareWatchdog(),
    ...await contracts(context, machine),
  ];
}

function measured(name: string, lateness: Lateness, consequence: string): Finding {
  const detail = `late by ${describe(lateness)}`;
  return lateness.p99Ns > LATE_NS ? lost(name, detail, consequence) : ok(name, detail);
}

/** `0.11 ms p50, 0.24 ms p99, 0.9 ms at most (700 times)` */
export function describe({ count, p50Ns, p99Ns, maxNs }: Lateness): string {
  const ms = (ns: number) => `${(ns / 1e6).toFixed(2)} ms`;
  return `${ms(p50Ns)} p50, ${ms(p99Ns)} p99, ${ms(maxNs)} at most (${count} times)`;
}

function realTime(fifo: Lateness | string, rtPriorityMax: number): Finding {
  const name = "real-time policies";
  if (typeof fifo !== "string") return ok(name, `fifo can be set: late by ${describe(fifo)}`);
  return lost(
    name,
    `fifo is refused: ${fifo}; priorities up to ${rtPriorityMax} by limit (RLIMIT_RTPRIO)`,
    "`scheduling` with policy fifo, rr or deadline is refused, of processes and of the monitor",
  );
}

function throttling(share: number): Finding {
  const name = "real-time share";
  const percent = `${Number((share * 100).toFixed(1))}%`;
  return share === 1
    ? ok(name, "real-time policies are not throttled: one that never sleeps holds its CPU for good")
    : ok(name, `real-time policies have ${percent} of a CPU (sched_rt_runtime_us), then they wait`);
}

function governor(): Finding {
  const name = "frequency";
  const folder = "/sys/devices/system/cpu";
  const governors = new Set(
    (listDirectory(folder) ?? []).flatMap((entry) =>
      /^cpu\d+$/.test(entry.name)
        ? readSmallFile(`${folder}/${entry.name}/cpufreq/scaling_governor`)?.trim() ?? []
        : []
    ),
  );
  if (governors.size === 0) return ok(name, "no governor to be seen: fixed, or the host's");
  const listed = [...governors].join(", ");
  return listed === "performance"
    ? ok(name, "governor performance")
    : lost(name, `governor ${listed}`, "budgets take longer while a CPU is slowed down");
}

function isolatedCpus(): Finding {
  const list = readSmallFile("/sys/devices/system/cpu/isolated")?.trim() ?? "";
  return ok(
    "isolated CPUs",
    list === "" ? "none: other programs run beside on every CPU" : `${list}: give them by \`cpus\``,
  );
}

function pressure(): Finding {
  const name = "pressure";
  const text = readSmallFile("/proc/pressure/cpu");
  const some = /^some avg10=([0-9.]+)/m.exec(text ?? "")?.[1];
  return some === undefined
    ? lost(name, "/proc/pressure is missing (CONFIG_PSI)", "a miss is told without it")
    : ok(name, `CPU ${some}% of the last 10 s: so long somebody waited for one`);
}

function lockedMemory(hasRight: boolean): Finding {
  const name = "locked memory";
  const limits = readSmallFile("/proc/self/limits") ?? "";
  const [soft = "?", hard = "?"] = /^Max locked memory\s+(\S+)\s+(\S+)/m.exec(limits)?.slice(1) ??
    [];
  const swap = (readSmallFile("/proc/swaps") ?? "").trim().split("\n").length > 1
    ? "there is swap"
    : "there is no swap";
  if (hasRight) return ok(name, `as much as there is (CAP_IPC_LOCK); ${swap}`);
  const detail = `${soft} bytes soft, ${hard} hard; ${swap}`;
  return hard === "unlimited"
    ? ok(name, detail)
    : lost(name, detail, "`lockMemory` of the supervisor may be refused, and is then warned of");
}

/** Not opened: that would start it. */
function hardwareWatchdog(): Finding {
  const name = "hardware watchdog";
  const devices = (listDirectory("/dev") ?? []).map((entry) => entry.name)
    .filter((each) => /^watchdog\d*$/.test(each)).sort();
  if (devices.length === 0) {
    return lost(name, "no /dev/watchdog", "`supervisor.watchdog` has no device to stroke");
  }
  const identity = readSmallFile("/sys/class/watchdog/watchdog0/identity")?.trim();
  return ok(
    name,
    `${devices.map((each) => `/dev/${each}`).join(", ")}${identity ? ` (${identity})` : ""}`,
  );
}

/** Which contracts of the configuration this machine can keep, as far as can be told. */
async function contracts(
  context: CommandContext,
  machine: MachineFigures,
): Promise<readonly Finding[]> {
  const name = "contracts";
  const plan = await planHere(context);
  if (plan === null) return [ok(name, "not tried: there is no valid configuration here")];
  if (plan.contracts.length === 0) return [ok(name, "none are declared")];
  const scheduled = plan.contracts.map((contract) => ({
    contract,
    scheduling: plan.processes[contract.process]!.scheduling,
  }));
  const found = misfits(scheduled, machine);
  const blamed = new Set(found.map((misfit) => misfit.contracts[0]));
  const count = plan.contracts.length;
  if (found.length === 0) {
    const all = count === 1 ? "the 1 that is declared fits" : `all ${count} fit`;
    return [ok(name, `${all} what was measured`)];
  }
  return [
    lost(name, `${count - blamed.size} of ${count} fit what was measured`, "the others follow"),
    ...found.map(({ contracts: [first = ""], message, fix }) => lost(first, message, fix)),
  ];
}

/** null: no configuration, none that is valid, or no runtime to read it with. */
async function planHere(context: CommandContext): Promise<Plan | null> {
  try {
    const configPath = locateConfig(context);
    const runDir = await locateRunDir(context);
    const prepared = await preparePlan(context, { configPath, runDir, mode: "check" });
    return prepared.kind === "ready" ? prepared.plan : null;
  } catch (error) {
    if (error instanceof UserError || error instanceof SystemRefusal) return null;
    throw error;
  }
}
