/** What a verdict means in the words of its contract. Pure. Must not know: who is told. */
import type { Verdict } from "../../deadline/verdict.ts";
import type { ContractPlan } from "../../plan/contract.ts";

/** The limit that a verdict is about, nanoseconds. */
export function limitNsOf(
  contract: ContractPlan,
  { kind, reason, item, allowedNs }: Verdict,
): number {
  if (kind === "miss" && allowedNs > 0) return allowedNs;
  switch (contract.kind) {
    case "cycle":
      if (reason === "overrun") return kind === "warn" ? contract.warnNs : contract.budgetNs;
      return reason === "skipped" ? contract.periodNs : contract.latenessNs;
    case "steps": {
      // From the step before: `item` is the one that was due.
      const before = (item + contract.order.length - 1) % contract.order.length;
      const withinNs = contract.order[before]?.withinNs ?? 0;
      return kind === "warn" ? withinNs * contract.warnAt : withinNs;
    }
    default:
      return kind === "warn" ? contract.warnNs : contract.missNs;
  }
}

/** Of steps the name of the one that was due, of a cycle the number of the due time; else "". */
export function stepName(contract: ContractPlan, item: number): string {
  if (contract.kind === "steps") return contract.order[item]?.name ?? `#${item}`;
  return contract.kind === "cycle" ? String(item) : "";
}
