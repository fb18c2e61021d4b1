/**
 * The schema of what every time contract has: its actions, what it tolerates, how it recovers.
 * Must not know: what a contract is about.
 */
import { z } from "zod";
import { DEFAULTS, LIMITS } from "./defaults.ts";
import { commandSchema } from "./schema_command.ts";
import { SIGNAL_NAMES } from "./signals.ts";
import { doc, duration, list, whole } from "./schema_values.ts";

const ACTION_RULE =
  'must be "warn", "restart", "stop", "fail-group", "safe-mode", { signal } or { run }';

const actionSchema = z.union([
  z.enum(["warn", "restart", "stop", "fail-group", "safe-mode"]),
  z.strictObject({
    signal: z.exactOptional(doc(
      z.enum(SIGNAL_NAMES, { error: "must be the name of a signal" }),
      "Sends the process this signal, at once.",
      { absent: "no signal is sent" },
    )),
    run: z.exactOptional(doc(
      commandSchema,
      "Runs this program, with cox's own user and directory. It finds the miss in its environment.",
      { absent: "no program runs" },
    )),
    timeout: z.exactOptional(doc(
      duration(LIMITS.withinMin),
      "With `run`: the longest time that the program may take before it is killed.",
      { default: DEFAULTS.deadlines.runTimeout },
    )),
  }).meta({ description: "An action that is no word." }),
], { error: ACTION_RULE });

const actions = z.union([actionSchema, list(actionSchema, { max: LIMITS.missActionsMax })], {
  error: `${ACTION_RULE}, or a list of these`,
}).meta({ id: "MissActions" });

const tolerateSchema = z.strictObject({
  misses: doc(
    whole(0, LIMITS.toleranceWindowMax - 1),
    "So many misses are tolerated; fewer than `in`.",
    { unit: "misses" },
  ),
  in: doc(whole(1, LIMITS.toleranceWindowMax), "Among so many in a row, wherever one begins."),
}).meta({ id: "Tolerance" });

/** What every contract has. */
export const contractKeys = {
  miss: z.exactOptional(doc(
    actions,
    "What is done about each miss, besides recording it; of a list everything, in order. " +
      "`warn`: a line that the terminal shows. `restart`: the process is restarted. `stop`: it is " +
      "stopped. `fail-group`: its group is treated as if it had given up. `safe-mode`: see " +
      "`safeMode`. `{ signal }`: it is sent a signal. `{ run: command([…]) }`: a program runs.",
    { default: DEFAULTS.deadlines.miss },
  )),
  tolerate: z.exactOptional(doc(
    tolerateSchema,
    "How many misses leave the contract whole (weakly hard). It is broken when more are missed.",
    { default: DEFAULTS.deadlines.tolerate },
  )),
  broken: z.exactOptional(doc(
    actions,
    "What is done when the contract breaks, once each time, besides what each miss asks for.",
    { default: DEFAULTS.deadlines.broken },
  )),
  recoverAfter: z.exactOptional(doc(
    whole(1, LIMITS.recoverAfterMax),
    "So many have to be kept in a row before a broken contract holds again.",
    { unit: "times", default: DEFAULTS.deadlines.recoverAfter },
  )),
  critical: z.exactOptional(doc(
    z.boolean(),
    "Whether the hardware watchdog (`supervisor.watchdog`) is stroked only while this contract " +
      "is not broken.",
    { default: DEFAULTS.deadlines.critical },
  )),
};

/** Of the contracts that are a longest time: `within`, and `warn` before it. */
export function limitKeys(within: string) {
  return {
    within: doc(duration(LIMITS.contractMin), within),
    warn: z.exactOptional(doc(
      duration(LIMITS.contractMin),
      "It is warned of after this time already; shorter than `within`.",
      { absent: "nothing is said before the miss" },
    )),
    ...contractKeys,
  };
}
