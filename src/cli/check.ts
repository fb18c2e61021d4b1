/** `cox check`. */
import { formatListener, listenerReports } from "../plan/listen_report.ts";
import { formatMailbox, mailboxReports } from "../plan/mailbox_report.ts";
import type { Plan } from "../plan/plan.ts";
import type { CommandContext } from "./command.ts";
import { EXIT } from "./exit_codes.ts";
import { locateConfig, locateRunDir } from "./locate.ts";
import { preparePlan, printIssues } from "./prepare_plan.ts";

export async function run(context: CommandContext): Promise<number> {
  const configPath = locateConfig(context);
  const runDir = await locateRunDir(context);
  const prepared = await preparePlan(context, { configPath, runDir, mode: "check" });
  const { io, options } = context;
  const good = prepared.kind === "ready";
  if (options.flag("json")) {
    const listeners = prepared.kind === "ready" ? listenerReports(prepared.plan) : [];
    const mailboxes = prepared.kind === "ready" ? mailboxReports(prepared.plan) : [];
    const { issues } = prepared;
    const report = { config: configPath, valid: good, issues, listeners, mailboxes };
    io.out(JSON.stringify(report, null, 2) + "\n");
    return good ? EXIT.ok : EXIT.user;
  }
  printIssues(context, configPath, prepared.issues);
  if (prepared.kind === "refused") return EXIT.user;
  const { plan } = prepared;
  const count = plan.processes.filter(({ system }) => !system).length;
  io.out(
    `${plan.name}: good; ${plural(count, "process", "processes")}, ` +
      `${plural(plan.groups.length - 1, "group", "groups")}, ` +
      `${channelCount(plan)}${contractCount(plan)}\n`,
  );
  for (const listener of listenerReports(plan)) io.out(`  ${formatListener(listener)}\n`);
  for (const mailbox of mailboxReports(plan)) io.out(`  ${formatMailbox(mailbox)}\n`);
  return EXIT.ok;
}

/** Nothing of a crew that has none. */
function contractCount({ contracts: { length } }: Plan): string {
  return length === 0 ? "" : `, ${plural(length, "time contract", "time contracts")}`;
}

/** A relayed pipe is one channel, not its legs. */
function channelCount({ channels, relayed }: Plan): string {
  const direct = channels.filter(({ kind }) => kind !== "leg").length;
  const all = plural(direct + relayed.length, "channel", "channels");
  return relayed.length === 0 ? all : `${all} (${relayed.length} relayed)`;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
