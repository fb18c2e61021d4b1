/**
 * Cores with one mistake each, as text patches. The simulator must find every one of
 * them: a rule that it does not check is a rule that nobody keeps.
 */

/** One mistake. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly search: string;
  readonly replace: string;
}

/** The mistakes. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "off by one in the restart budget",
    file: "strategy.ts",
    search: "count <= plan.intensity!",
    replace: "count < plan.intensity!",
  },
  {
    name: "the restart window is a millisecond short",
    file: "strategy.ts",
    search: "(atNs) => atNs >= oldestNs",
    replace: "(atNs) => atNs > oldestNs + 1_000_000",
  },
  {
    name: "lost stop: a stop during the spawn is forgotten",
    file: "lifecycle.ts",
    search:
      `if (process.wanted === "down" && draft.shutdown === null) beginStop(draft, p, "stop");`,
    replace: "",
  },
  {
    name: "double start: restart spawns beside the live instance",
    file: "admission.ts",
    search: `beginStop(draft, p, "restart");`,
    replace: `spawn(draft, p, "restart");`,
  },
  {
    name: "backoff is never reset",
    file: "lifecycle.ts",
    search: "if (healthy) process.attempt = 0;",
    replace: "void healthy;",
  },
  {
    name: "shutdown does not await dependents",
    file: "shutdown.ts",
    search: "mayStop(draft, p, null)",
    replace: "true",
  },
  {
    name: "group stop does not await dependents",
    file: "strategy.ts",
    search: "mayStop(draft, p, group)",
    replace: "mayStop(draft, p, -1)",
  },
  {
    name: "stale reports are accepted",
    file: "step.ts",
    search: "process === undefined || process.instance !== event.instance",
    replace: "process === undefined",
  },
  {
    name: "a timer is not cleared with its status",
    file: "draft.ts",
    search:
      `if (kind !== null) draft.effects.push({ kind: "clearTimer", timer: { process: p, kind } });`,
    replace: "void kind;",
  },
  {
    name: "a timer that fires early is believed",
    file: "step.ts",
    search: "if (process.dueNs === null || draft.nowNs < process.dueNs) return;",
    replace: "if (process.dueNs === null) return;",
  },
  {
    name: "escalation is lost: a group that gave up just restarts",
    file: "strategy.ts",
    search: `if (failedGroup !== null) return { kind: "crew", group: failedGroup };`,
    replace: "",
  },
  {
    name: "ready without a spawn",
    file: "transition.ts",
    search: "spawned: on.spawned, spawnFailed: on.spawnFailed }",
    replace: "spawned: on.spawned, spawnFailed: on.spawnFailed, becameReady: on.becameReady }",
  },
  {
    name: "endProducer comes too early: with the first producer",
    file: "channels.ts",
    search: "for (const p of processes) if (!isFinal(draft.processes[p]!.status)) return;",
    replace: "if (!processes.some((p) => isFinal(draft.processes[p]!.status))) return;",
  },
  {
    name: "a group starts again before all of it is down",
    file: "strategy.ts",
    search: `if (isLive(status) || status === "backoff") busy = true;`,
    replace: `if (status === "backoff") busy = true;`,
  },
  {
    name: "what a daemon left behind survives",
    file: "lifecycle.ts",
    search: "  killLeftover(draft, p);\n",
    replace: "  void killLeftover;\n",
  },
  {
    name: "a temporary process is restarted",
    file: "restart.ts",
    search: `(policy === "temporary" || `,
    replace: `((policy === "temporary" && ending === "good") || `,
  },
  {
    name: "what waits for a failed dependency waits for ever",
    file: "order.ts",
    search: `if (status === "failed") return "impossible";`,
    replace: `if (status === "failed") return "pending";`,
  },
  {
    name: "system processes stop with the others",
    file: "shutdown.ts",
    search: "!(systemWaits && draft.plan.processes[p]!.system) && ",
    replace: "!(systemWaits && false) && ",
  },
  {
    name: "system processes stop together",
    file: "shutdown.ts",
    search: "systemWaits ||= isSystemLive;",
    replace: "void isSystemLive;",
  },
  {
    name: "an operator's restart spends the budget",
    file: "restart.ts",
    search: `killCause === "ready-timeout" || killCause === "deadline"`,
    replace: `killCause === "ready-timeout" || killCause === "deadline" || killCause === "restart"`,
  },
  {
    name: "a missed deadline ends nobody badly",
    file: "restart.ts",
    search: `killCause === "ready-timeout" || killCause === "deadline"`,
    replace: `killCause === "ready-timeout"`,
  },
  {
    name: "whom the monitor has signalled is signalled again",
    file: "lifecycle.ts",
    search: `beginStop(draft, p, "deadline", event.signalled);`,
    replace: `beginStop(draft, p, "deadline", false);`,
  },
  {
    name: "a deadline that asks for a stop leads to a restart",
    file: "lifecycle.ts",
    search: `if (event.act === "stop") process.wanted = "down";`,
    replace: "",
  },
  {
    name: "a group that a deadline fails goes by its budget",
    file: "strategy.ts",
    search: "const forced = givesUp && failedGroup === null;",
    replace: "const forced = false;",
  },
  {
    name: "a group that a deadline fails takes its parent with it",
    file: "strategy.ts",
    search: "const forced = givesUp && failedGroup === null;",
    replace: "const forced = givesUp;",
  },
  {
    name: "an earlier instance's deadline fails the group",
    file: "instance.ts",
    search: "  process.failsGroup = false;\n",
    replace: "",
  },
  {
    name: "the safe mode is entered again and again",
    file: "safe_mode.ts",
    search: "safeMode === null || draft.safeMode || ",
    replace: "safeMode === null || ",
  },
  {
    name: "the safe mode stops what the fallback set builds on",
    file: "safe_mode.ts",
    search:
      "for (const p of found) for (const { process } of plan.processes[p]!.after) found.add(process);",
    replace: "void plan;",
  },
  {
    name: "the safe mode leaves the rest running",
    file: "safe_mode.ts",
    search: "if (kept.has(p) || draft.plan.processes[p]!.system) continue;",
    replace: "continue;",
  },
  {
    name: "the safe mode starts nobody",
    file: "safe_mode.ts",
    search: "if (isOnItsWay(draft, p)) continue;",
    replace: "continue;",
  },
  {
    name: "the stop timeout is forgotten",
    file: "instance.ts",
    search: `  arm(draft, p, "stop", draft.nowNs + stop.timeoutNs);\n`,
    replace: "  void arm;\n",
  },
];
