/**
 * Draws a plan: processes, dependencies, channels, groups; as text, Mermaid, Graphviz or JSON.
 * Owns the escaping of each language. Must not know: state at run time.
 */
import {
  type DrawnChannel,
  drawnChannels,
  type DrawnEnd,
  type DrawnRelayed,
  type DrawnSide,
  mailboxSummary,
  queueSummary,
  rateSummary,
  relayedSummary,
} from "./graph_channels.ts";
import type { Plan } from "./plan.ts";

/** A language that a plan can be drawn in. */
export type GraphFormat = "text" | "mermaid" | "dot" | "json";

/**
 * Draws a plan without its system processes.
 *
 * @param plan The plan.
 * @param format The language.
 * @returns Text with a final newline.
 */
export function formatGraph(plan: Plan, format: GraphFormat): string {
  const drawing = drawingOf(plan);
  switch (format) {
    case "text":
      return formatText(drawing);
    case "mermaid":
      return formatMermaid(drawing);
    case "dot":
      return formatDot(drawing);
    case "json":
      return `${JSON.stringify(drawing, null, 2)}\n`;
  }
}

/** What is drawn; `cox graph --format json` prints it as it is. */
interface Drawing {
  readonly name: string;
  readonly processes: readonly DrawnProcess[];
  readonly channels: readonly DrawnChannel[];
  readonly groups: readonly DrawnGroup[];
}

interface DrawnProcess {
  readonly name: string;
  readonly kind: string;
  readonly restart: string;
  /** Name of its group; "" is the root. */
  readonly group: string;
  readonly after: readonly { readonly process: string; readonly condition: string }[];
}

interface DrawnGroup {
  readonly name: string;
  /** null for the root. */
  readonly parent: string | null;
  readonly strategy: string;
  readonly intensity: number | null;
  readonly periodNs: number;
  /** Names of processes and groups, in order. */
  readonly members: readonly DrawnMember[];
}

interface DrawnMember {
  readonly kind: "process" | "group";
  readonly name: string;
}

function drawingOf(plan: Plan): Drawing {
  const nameOf = (index: number) => plan.processes[index]!.name;
  return {
    name: plan.name,
    processes: plan.processes.filter((process) => !process.system).map((process) => ({
      name: process.name,
      kind: process.kind,
      restart: process.restart.policy,
      group: plan.groups[process.group]!.name,
      after: process.after.map(({ process, condition }) => ({
        process: nameOf(process),
        condition,
      })),
    })),
    channels: drawnChannels(plan),
    groups: plan.groups.map((group) => ({
      name: group.name,
      parent: group.parent === null ? null : plan.groups[group.parent]!.name,
      strategy: group.strategy,
      intensity: group.intensity,
      periodNs: group.periodNs,
      members: group.members.flatMap((member): DrawnMember[] => {
        if (member.kind === "group") {
          return [{ kind: "group", name: plan.groups[member.group]!.name }];
        }
        const process = plan.processes[member.process]!;
        return process.system ? [] : [{ kind: "process", name: process.name }];
      }),
    })),
  };
}

function formatText(drawing: Drawing): string {
  const lines = [drawing.name];
  const processes = new Map(drawing.processes.map((process) => [process.name, process]));
  const groups = new Map(drawing.groups.map((group) => [group.name, group]));
  const draw = (group: DrawnGroup, indent: string) => {
    for (const [at, member] of group.members.entries()) {
      const last = at === group.members.length - 1;
      const branch = `${indent}${last ? "└─ " : "├─ "}`;
      const deeper = `${indent}${last ? "   " : "│  "}`;
      if (member.kind === "group") {
        const inner = groups.get(member.name)!;
        lines.push(`${branch}[${inner.name}] ${inner.strategy}, ${budget(inner)}`);
        draw(inner, deeper);
        continue;
      }
      const process = processes.get(member.name)!;
      lines.push(`${branch}${process.name} (${process.kind}, ${process.restart})`);
      for (const { process: other, condition } of process.after) {
        lines.push(`${deeper}  after ${other} ${condition}`);
      }
    }
  };
  draw(groups.get("")!, "");
  for (const channel of drawing.channels) lines.push(...channelText(channel));
  return `${lines.join("\n")}\n`;
}

function channelText(channel: DrawnChannel): string[] {
  const { name, kind } = channel;
  if (channel.kind === "mailbox") {
    const [from, ...to] = [channel.from, ...channel.to].map(({ process, port }) =>
      `${process}.${port}`
    );
    return [`${name} (${kind}, ${mailboxSummary(channel)}): ${from} => ${to.join(" + ")}`];
  }
  if (channel.kind !== "relayed") {
    const end = ({ processes, port }: DrawnSide) =>
      processes.map((process) => port === "" ? process : `${process}.${port}`)
        .join(" + ") || "anyone";
    const arrow = kind === "pair" ? "<=>" : "=>";
    return [`${name} (${kind}): ${end(channel.from)} ${arrow} ${end(channel.to)}`];
  }
  const end = ({ process, port }: DrawnEnd) => `${process}.${port}`;
  const ends = [channel.from, channel.to].map((side) => side.map(end).join(" + "));
  return [
    `${name} (${kind}, ${relayedSummary(channel)}): ${ends.join(" => ")}`,
    ...channel.to.map((consumer) => `  ${end(consumer)}: ${queueSummary(consumer)}`),
    ...channel.rate === null ? [] : [`  each producer: ${rateSummary(channel.rate)}`],
  ];
}

function budget(group: DrawnGroup): string {
  return `at most ${group.intensity} restarts in ${group.periodNs / 1e9} s`;
}

function formatMermaid(drawing: Drawing): string {
  const ids = new Map(drawing.processes.map((process, at) => [process.name, `p${at}`]));
  const lines = ["flowchart LR"];
  drawGroups(drawing, (depth, text) => lines.push(`${"  ".repeat(depth + 1)}${text}`), {
    open: (group, at) => `subgraph g${at}["${mermaidText(`${group.name} (${group.strategy})`)}"]`,
    close: "end",
    process: (name) => `${ids.get(name)}["${mermaidText(name)}"]`,
  });
  for (const process of drawing.processes) {
    for (const { process: other, condition } of process.after) {
      lines.push(`  ${ids.get(other)} -.->|"${condition}"| ${ids.get(process.name)}`);
    }
  }
  for (const [at, channel] of drawing.channels.entries()) {
    const { name, kind, from, to } = channel;
    if (kind === "relayed") {
      lines.push(`  c${at}{{"${mermaidText(`${name}\n${relayedSummary(channel)}`)}"}}`);
      for (const { process } of from) lines.push(`  ${ids.get(process)} ==> c${at}`);
      for (const consumer of to) {
        const policy = mermaidText(consumer.overflow);
        lines.push(`  c${at} ==>|"${policy}"| ${ids.get(consumer.process)}`);
      }
      continue;
    }
    const arrow = kind === "pair" ? "<==>" : "==>";
    for (const [source, sink] of edgesOf(channel)) {
      lines.push(`  ${ids.get(source)} ${arrow}|"${mermaidText(name)}"| ${ids.get(sink)}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

function formatDot(drawing: Drawing): string {
  const lines = [`digraph ${dotText(drawing.name)} {`, "  rankdir=LR;", "  node [shape=box];"];
  drawGroups(drawing, (depth, text) => lines.push(`${"  ".repeat(depth + 1)}${text}`), {
    open: (group, at) =>
      `subgraph cluster_${at} { label=${dotText(`${group.name} (${group.strategy})`)};`,
    close: "}",
    process: (name) => `${dotText(name)};`,
  });
  for (const process of drawing.processes) {
    for (const { process: other, condition } of process.after) {
      const edge = `${dotText(other)} -> ${dotText(process.name)}`;
      lines.push(`  ${edge} [style=dashed, label=${dotText(condition)}];`);
    }
  }
  for (const [at, channel] of drawing.channels.entries()) {
    const { name, kind, from, to } = channel;
    if (kind === "relayed") {
      // No process has a name with a blank in it.
      const node = dotText(`channel ${at}`);
      const label = dotText(`${name}\n${relayedSummary(channel)}`);
      lines.push(`  ${node} [shape=hexagon, label=${label}];`);
      for (const { process } of from) lines.push(`  ${dotText(process)} -> ${node} [penwidth=2];`);
      for (const { process, overflow } of to) {
        const edge = `${node} -> ${dotText(process)}`;
        lines.push(`  ${edge} [penwidth=2, label=${dotText(overflow)}];`);
      }
      continue;
    }
    const both = kind === "pair" ? "dir=both, " : "";
    for (const [source, sink] of edgesOf(channel)) {
      const edge = `${dotText(source)} -> ${dotText(sink)}`;
      lines.push(`  ${edge} [${both}penwidth=2, label=${dotText(name)}];`);
    }
  }
  return `${[...lines, "}"].join("\n")}\n`;
}

/** Writes nested groups; the root itself has no frame. */
function drawGroups(
  drawing: Drawing,
  write: (depth: number, text: string) => void,
  language: {
    readonly open: (group: DrawnGroup, index: number) => string;
    readonly close: string;
    readonly process: (name: string) => string;
  },
): void {
  const index = new Map(drawing.groups.map((group, at) => [group.name, at]));
  const draw = (group: DrawnGroup, depth: number) => {
    for (const member of group.members) {
      if (member.kind === "process") write(depth, language.process(member.name));
      else {
        const at = index.get(member.name)!;
        write(depth, language.open(drawing.groups[at]!, at));
        draw(drawing.groups[at]!, depth + 1);
        write(depth, language.close);
      }
    }
  };
  draw(drawing.groups[0]!, 0);
}

/** Who is joined to whom by a channel that nothing stands in the middle of. */
function edgesOf(channel: Exclude<DrawnChannel, DrawnRelayed>): (readonly [string, string])[] {
  if (channel.kind === "mailbox") {
    return channel.to.map(({ process }) => [channel.from.process, process] as const);
  }
  const { from, to } = channel;
  return from.processes.flatMap((one) => to.processes.map((other) => [one, other] as const));
}

/** Mermaid has no backslash escapes, but character references written with "#". */
function mermaidText(text: string): string {
  return text.replace(/[#"<>&`\\\n\r]/g, (character) => `#${character.codePointAt(0)};`);
}

function dotText(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&").replace(/\r?\n/g, "\\n")}"`;
}
