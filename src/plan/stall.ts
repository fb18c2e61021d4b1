/**
 * Stall rules: from the configuration's words to actions. Must not know: who is slow, how that
 * is found out.
 */
import type { StallActionConfig, StallConfig } from "../config/config.ts";
import { parseDurationNs } from "../config/units.ts";
import type { StallAction, StallPlan } from "./plan.ts";
import { signalNumber } from "./signals.ts";

/**
 * Compiles a stall rule.
 *
 * @param config As declared; absent: there is none.
 * @returns null for none.
 * @throws {TypeError} If the configuration has not passed its checks.
 */
export function stallPlan(config: StallConfig | undefined): StallPlan | null {
  if (config === undefined) return null;
  const { after, action } = config;
  const actions = Array.isArray(action)
    ? action as readonly StallActionConfig[]
    : [action as StallActionConfig];
  return { afterNs: parseDurationNs(after), actions: actions.map(stallAction) };
}

function stallAction(action: StallActionConfig): StallAction {
  if (typeof action === "string") return { kind: action };
  if (action.overflow !== undefined) return { kind: "overflow", overflow: action.overflow };
  const signalName = action.signal ?? "";
  const signal = signalNumber(signalName);
  if (signal === null) throw new TypeError(`there is no signal "${signalName}"`);
  return { kind: "signal", signal, signalName };
}
