/**
 * The repository's own rules as functions from a file's facts to what breaks them.
 * Pure. The arrows are those of ARCHITECTURE.md.
 */
import type { SourceFacts } from "./source_facts.ts";

export const FILE_LINES_MAX = 400;
export const FUNCTION_LINES_MAX = 70;

/** What a part may import besides itself: folders, or single files. Absent: nothing may exist. */
export const ARROWS: Readonly<Record<string, readonly string[]>> = {
  child: [
    "channel/mailbox/layout.ts",
    "channel/mailbox/mailbox_link.ts",
    "channel/mailbox/schema.ts",
    "deadline/pulse_layout.ts",
    "seal/sealed_memory.ts",
  ],
  os: [],
  seal: [],
  config: [
    "plan/graph.ts",
    "plan/import_map.ts",
    "plan/paths.ts",
    "plan/probe/project.ts",
    "channel/mailbox/layout.ts",
    "channel/mailbox/schema.ts",
  ],
  plan: [
    "channel/mailbox/layout.ts",
    "channel/mailbox/mailbox_link.ts",
    "channel/mailbox/schema.ts",
    "config/config.ts",
    "config/units.ts",
    "config/defaults.ts",
    "config/signals.ts",
    "config/pipe_ends.ts",
    "config/contracts_of.ts",
    "deadline/misfits.ts",
    "deadline/pulse_layout.ts",
    "deadline/pulse_shape.ts",
    "seal/seal_text.ts",
    "seal/sealed_memory.ts",
  ],
  core: ["plan/plan.ts"],
  deadline: ["plan/plan.ts", "plan/contract.ts"],
  audit: ["core/exit_reason.ts", "core/effect.ts", "os"],
  channel: ["os", "plan/plan.ts"],
  process: ["os", "plan/plan.ts", "core/exit_reason.ts"],
  control: ["os", "plan/plan.ts", "core/exit_reason.ts", "core/effect.ts", "audit/event_record.ts"],
  system: [
    "audit",
    "core/exit_reason.ts",
    "core/effect.ts",
    "os",
    "channel/relay",
    "channel/mailbox/schema.ts",
    "plan/plan.ts",
    // What stands at the other end of a mailbox in `cox run` is a client like any other.
    "child/mailbox.ts",
    "child/read_ndjson.ts",
  ],
  driver: [
    "core",
    "os",
    "process",
    "channel",
    "control",
    "audit",
    "deadline",
    "plan/plan.ts",
    "plan/contract.ts",
    "system/log_protocol.ts",
  ],
  cli: [
    "config",
    "plan",
    "deadline/misfits.ts",
    "control",
    "process",
    "os",
    "audit",
    "core/exit_reason.ts",
    "core/effect.ts",
    // `cox run` is the supervisor of its mailboxes.
    "channel/mailbox",
    "driver/mailbox_attendance.ts",
    "driver/options.ts",
    "system/terminal_text.ts",
  ],
};

/** Parts that must load nothing from npm, in any process that they run in. */
export const WITHOUT_NPM: readonly string[] = [
  "child",
  "seal",
  "os",
  "core",
  "deadline",
  "audit",
  "channel",
  "process",
  "system",
  "driver",
];

/** Files that know no I/O and no time. */
export function isPure(path: string): boolean {
  if (path.startsWith("src/plan/probe/") || path.startsWith("src/deadline/monitor")) return false;
  return /^src\/(core|plan|deadline|channel\/watch)\//.test(path) ||
    [
      "src/channel/mailbox/layout.ts",
      "src/channel/mailbox/mailbox_link.ts",
      "src/channel/mailbox/schema.ts",
      "src/config/units.ts",
      "src/control/protocol.ts",
      "src/audit/event_record.ts",
    ].includes(path);
}

/** `process` is a domain word here; the global of that name is deno lint's to refuse. */
const BANNED = new Set([
  "Deno",
  "Date",
  "performance",
  "setTimeout",
  "setInterval",
  "clearTimeout",
  "clearInterval",
  "setImmediate",
  "queueMicrotask",
  "Promise",
  "Temporal",
  "crypto",
  "fetch",
  "globalThis",
  "console",
]);

/** Everything of one file that breaks a rule, as `path:line: what`. */
export function findBreaches(facts: SourceFacts): string[] {
  return [...shapeBreaches(facts), ...arrowBreaches(facts), ...purityBreaches(facts)];
}

function shapeBreaches(facts: SourceFacts): string[] {
  const at = (line: number, what: string) => `${facts.path}:${line}: ${what}`;
  const breaches: string[] = [];
  if (facts.lineCount > FILE_LINES_MAX) {
    breaches.push(at(facts.lineCount, `file has ${facts.lineCount} lines, at most 400`));
  }
  if (!facts.hasHeader) breaches.push(at(1, "file does not begin with a header comment"));
  const base = facts.path.slice(facts.path.lastIndexOf("/") + 1);
  if (!/^[a-z0-9]+(_[a-z0-9]+)*\.[a-z]+$/.test(base)) {
    breaches.push(at(1, "name is not snake_case"));
  }
  for (const { name, line, lineCount } of facts.functions) {
    if (lineCount > FUNCTION_LINES_MAX) {
      breaches.push(at(line, `function ${name} has ${lineCount} lines, at most 70`));
    }
  }
  if (!facts.path.startsWith("src/os/") && facts.path !== "src/seal/seal.ts") {
    for (const { text, line } of facts.members) {
      if (text === "Deno.dlopen") {
        breaches.push(at(line, "only src/os and the seal call Deno.dlopen"));
      }
    }
  }
  return breaches;
}

function arrowBreaches(facts: SourceFacts): string[] {
  const part = partOf(facts.path);
  if (part === null) return [];
  const allowed = ARROWS[part];
  if (allowed === undefined) return [`${facts.path}:1: src/${part} has no entry in ARROWS`];
  return facts.imports.flatMap(({ specifier, line }) => {
    const why = judgeImport(facts.path, part, allowed, specifier);
    return why === null ? [] : [`${facts.path}:${line}: imports ${specifier}: ${why}`];
  });
}

function judgeImport(
  path: string,
  part: string,
  allowed: readonly string[],
  specifier: string,
): string | null {
  if (specifier.startsWith("node:")) return isPure(path) ? "a pure part imports nothing" : null;
  if (!specifier.startsWith(".")) {
    return WITHOUT_NPM.includes(part) || isPure(path) ? `src/${part} loads no package` : null;
  }
  const target = new URL(specifier, `file:///${path}`).pathname.slice(1);
  if (!target.startsWith("src/")) return "is outside of src";
  const relative = target.slice("src/".length);
  const inside = [part, ...allowed].some((entry) =>
    entry.endsWith(".ts") ? relative === entry : relative.startsWith(entry + "/")
  );
  if (!inside) return `src/${part} must not import src/${relative}`;
  return isPure(path) && target.startsWith("src/plan/probe/") ? "a pure part does no I/O" : null;
}

function purityBreaches(facts: SourceFacts): string[] {
  if (!isPure(facts.path)) return [];
  const names = facts.names.filter(({ name }) => BANNED.has(name));
  return [
    ...names.map(({ name, line }) => `${facts.path}:${line}: a pure part names ${name}`),
    ...facts.members.filter(({ text }) => text === "Math.random")
      .map(({ line }) => `${facts.path}:${line}: a pure part names Math.random`),
    ...facts.asyncLines.map((line) => `${facts.path}:${line}: a pure part is asynchronous`),
  ];
}

/** `src/core/step.ts` → `core`; null for what is not in a part of src. */
function partOf(path: string): string | null {
  return /^src\/([^/]+)\//.exec(path)?.[1] ?? null;
}
