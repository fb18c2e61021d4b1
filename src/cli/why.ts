/** `cox why`. */
import type { EventRecord } from "../audit/event_record.ts";
import { readEventFile } from "../audit/read_event_file.ts";
import { nearestName } from "../config/did_you_mean.ts";
import { type ControlClient, NoSupervisorError } from "../control/client.ts";
import type { CommandContext } from "./command.ts";
import { connect } from "./connect.ts";
import { EXIT, UserError } from "./exit_codes.ts";
import { locateRunDir } from "./locate.ts";
import { whyLines } from "./why_story.ts";

/** What a story is made from. */
interface Material {
  /** In order. */
  readonly events: readonly EventRecord[];
  /** Who keeps each contract, by its name. */
  readonly contracts: ReadonlyMap<string, string>;
  readonly processes: readonly string[];
  /** Where it is from; null: from a supervisor that runs. */
  readonly source: string | null;
}

export async function run(context: CommandContext): Promise<number> {
  const { options, io } = context;
  const [name = ""] = options.operands;
  const material = await gather(context);
  const process = processOf(material, name);
  if (material.source !== null) io.out(`${material.source}\n`);
  for (const line of whyLines(material.events, process, name)) io.out(`${line}\n`);
  return EXIT.ok;
}

async function gather(context: CommandContext): Promise<Material> {
  let client: ControlClient;
  try {
    client = await connect(context);
  } catch (error) {
    if (!(error instanceof NoSupervisorError)) throw error;
    return await fromFile(`${await locateRunDir(context)}/events.jsonl`, error);
  }
  using _ = client;
  const { processes, deadlines } = await client.call("snapshot", {});
  const { events } = await client.call("events", {});
  return {
    events: events as readonly EventRecord[],
    contracts: new Map(Object.entries(deadlines).map(([name, { process }]) => [name, process])),
    processes: Object.keys(processes),
    source: null,
  };
}

/** @throws {NoSupervisorError} there is no such file either. */
async function fromFile(path: string, nobody: NoSupervisorError): Promise<Material> {
  try {
    const { events, torn } = await readEventFile(path);
    const last = events.at(-1);
    if (last === undefined) throw nobody;
    const lost = torn === 0 ? "" : `; ${torn} ${torn === 1 ? "line" : "lines"} cannot be read`;
    const source =
      `No supervisor is running: from ${path}, whose last run ends at ${last.wall}${lost}`;
    return { events, ...namesIn(events), source };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw nobody;
    if (!(error instanceof Deno.errors.PermissionDenied)) throw error;
    throw new UserError(`no supervisor is running, and ${path} must not be read: ${error.message}`);
  }
}

/** Those that the events tell of. */
function namesIn(events: readonly EventRecord[]): Pick<Material, "contracts" | "processes"> {
  const contracts = new Map<string, string>();
  const processes = new Set<string>();
  for (const event of events) {
    if (!("process" in event) || typeof event.process !== "string") continue;
    processes.add(event.process);
    // Of a path that is excused the process may be another one that its samples go through.
    if (event.event === "deadline") contracts.set(event.contract, event.process);
  }
  return { contracts, processes: [...processes] };
}

/** A process, or who keeps a contract. @throws {UserError} neither. */
function processOf({ contracts, processes, source }: Material, name: string): string {
  if (processes.includes(name)) return name;
  const process = contracts.get(name);
  if (process !== undefined) return process;
  const nearest = nearestName(name, [...processes, ...contracts.keys()]);
  const see = source === null
    ? "see `cox ps` and `cox deadlines`"
    : "no supervisor runs, and the events of the last run tell of none";
  const fix = nearest === null ? see : `did you mean "${nearest}"?`;
  throw new UserError(`There is no process or contract "${name}"; ${fix}`);
}
