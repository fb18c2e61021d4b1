/**
 * Warns of contracts that cannot fit the machine. Owns where in the configuration a contract
 * stands. Must not know: the arithmetic (`deadline/misfits.ts`).
 */
import { type MachineFigures, misfits } from "../deadline/misfits.ts";
import type { ContractPlan } from "./contract.ts";
import type { Expansion } from "./expand.ts";
import { LIMITS } from "../config/defaults.ts";
import type { Facts, RightsFact } from "./facts.ts";
import type { IssuePath, Issues } from "./issues.ts";
import { schedulingPlan } from "./scheduling.ts";

/**
 * How late wake-ups are taken to be where nobody has measured: what an ordinary thread sees at
 * times beside others that compute, and one of a real-time policy on a virtual machine.
 * `cox doctor` measures both.
 */
const ASSUMED_JITTER_NS = { realTime: 200_000, other: 1_000_000 };

/** Of a sum of reservations. */
const SHARES_SHOWN = 5;

/**
 * Warns of what cannot fit, and refuses what the kernel would.
 *
 * @param contracts All of a crew; processes are numbered as in the expansion.
 * @param expansion What exists.
 * @param facts What is known of the machine.
 * @param issues Receives the warnings.
 */
export function checkFit(
  contracts: readonly ContractPlan[],
  expansion: Expansion,
  { rights }: Facts,
  issues: Issues,
): void {
  if (contracts.length > LIMITS.contractsMax) {
    issues.error(
      [],
      `there must be at most ${LIMITS.contractsMax} time contracts, replicas one by one, are ` +
        `${contracts.length}`,
    );
    return;
  }
  if (rights === null) return;
  checkAdmission(expansion, rights, issues);
  if (contracts.length === 0) return;
  const machine: MachineFigures = {
    cpus: rights.cpus,
    realTimeShare: rights.realTimeShare,
    jitterNs: ASSUMED_JITTER_NS,
    measured: false,
  };
  const scheduled = contracts.map((contract) => ({
    contract,
    scheduling: schedulingPlan(expansion.processes[contract.process]!.config.scheduling),
  }));
  const byName = new Map(contracts.map((contract) => [contract.name, contract]));
  for (const { contracts: names, message, fix } of misfits(scheduled, machine)) {
    const contract = byName.get(names[0] ?? "");
    const path = contract === undefined ? [] : pathOf(contract, expansion);
    issues.warning(path, message, fix);
  }
}

/** The kernel starts no process whose reservation, with all others, is more than there is. */
function checkAdmission(
  { processes }: Expansion,
  { cpus, realTimeShare }: RightsFact,
  issues: Issues,
): void {
  const reserved = processes.flatMap(({ declaredName, config }) => {
    const policy = schedulingPlan(config.scheduling)?.policy ?? null;
    return policy?.kind === "deadline"
      ? [{ declaredName, share: policy.runtimeNs / policy.periodNs }]
      : [];
  });
  const sum = reserved.reduce((total, { share }) => total + share, 0);
  const most = cpus.length * realTimeShare;
  if (sum <= most) return;
  const shares = reserved.slice(0, SHARES_SHOWN).map(({ share }) => share.toFixed(3)).join(" + ");
  const more = reserved.length > SHARES_SHOWN ? ` + ${reserved.length - SHARES_SHOWN} more` : "";
  issues.error(
    ["processes", reserved.at(-1)!.declaredName, "scheduling"],
    `the kernel cannot admit all reservations: ${shares}${more} = ${sum.toFixed(3)}, above ` +
      `${cpus.length} × ${realTimeShare} (CPUs × sched_rt_runtime_us / sched_rt_period_us)`,
    "lower runtimes, or raise periods",
  );
}

function pathOf(contract: ContractPlan, { processes }: Expansion): IssuePath {
  const { declaredName } = processes[contract.process]!;
  const deadlines = ["processes", declaredName, "deadlines"];
  switch (contract.kind) {
    case "span":
      return [...deadlines, contract.span];
    case "heartbeat":
      return [...deadlines, "heartbeat"];
    case "cycle":
      return [...deadlines, "cycles", contract.cycle];
    case "steps":
      return [...deadlines, "checkpoints", contract.steps];
    case "gap":
    case "latency":
    case "liveliness":
      // A channel's name has no dot.
      return ["channels", contract.name.slice(0, contract.name.indexOf("."))];
    case "path":
      return ["paths", contract.name.slice("path.".length)];
  }
}
