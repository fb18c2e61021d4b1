/** When in the life of an instance each contract is judged. Pure. Must not know: how. */
import type { ContractIndex, ContractPlan, MissAction } from "../../plan/contract.ts";
import type { ProcessIndex } from "../../plan/plan.ts";

/** starting: until it is ready. ready: from then on. stopping: from its stop signal on. */
export type Phase = "starting" | "ready" | "stopping" | "always";

/** The contracts of one process. */
export type Phases = Readonly<Record<Phase, readonly ContractIndex[]>>;

/** Those of each process, by phase. */
export function contractPhases(contracts: readonly ContractPlan[], processes: number): Phases[] {
  return Array.from({ length: processes }, (_, process) => ({
    starting: ofPhase(contracts, process, "starting"),
    ready: ofPhase(contracts, process, "ready"),
    stopping: ofPhase(contracts, process, "stopping"),
    always: ofPhase(contracts, process, "always"),
  }));
}

/** When a contract is judged. */
export function phaseOf(contract: ContractPlan): Phase {
  if (contract.kind !== "span") return "ready";
  switch (contract.span) {
    case "ready":
      return "starting";
    case "run":
      return "always";
    case "stop":
      return "stopping";
  }
}

/** Whether the action ends the instance. */
export function endsInstance({ kind }: MissAction): boolean {
  return kind === "restart" || kind === "stop" || kind === "fail-group";
}

function ofPhase(
  contracts: readonly ContractPlan[],
  process: ProcessIndex,
  phase: Phase,
): ContractIndex[] {
  return contracts.flatMap((contract, index) =>
    contract.process === process && phaseOf(contract) === phase ? [index] : []
  );
}
