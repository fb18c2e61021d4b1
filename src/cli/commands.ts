/**
 * Every command, as data. The help and docs/cli.md are made from here, and parsing too.
 * Must not know: how a command does its work.
 */
import { DEFAULTS } from "../config/defaults.ts";
import type { CommandSpec, OptionSpec } from "./command_spec.ts";
import { DEADLINE_COMMANDS } from "./deadline_commands.ts";

/** Understood by every command, before or after its name. */
export const GLOBAL_OPTIONS: readonly OptionSpec[] = [
  {
    name: "config",
    value: "FILE",
    text: "The configuration; otherwise supervisor.config.ts, .js or .json is looked for here " +
      "and in the folders above",
  },
  {
    name: "run-dir",
    value: "DIR",
    text: "The run directory; otherwise it follows from the configuration's path",
  },
  { name: "no-color", text: "No colours; also with NO_COLOR set or when not on a terminal" },
  { name: "verbose", text: "Say on stderr what is being done" },
  { name: "help", short: "h", text: "Show the help of the command" },
];

const ENV: OptionSpec = {
  name: "env",
  value: "NAME",
  repeatable: true,
  text: "An environment variable that the configuration file may read; repeatable",
};
const PROFILE: OptionSpec = {
  name: "profile",
  value: "NAME",
  repeatable: true,
  text: "Include the processes of this profile; repeatable",
};
const JSON_OUTPUT: OptionSpec = { name: "json", text: "Print JSON" };
const NO_WAIT: OptionSpec = { name: "no-wait", text: "Return as soon as the request is accepted" };

const RUN_COMMANDS: readonly CommandSpec[] = [
  {
    name: "up",
    summary: "Run the crew in the foreground",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Checks the configuration, starts everything in dependency order and stays until the " +
      "crew has ended. Ctrl-C stops it in order; a second Ctrl-C cuts the stop timeouts, a third " +
      "kills. Exits 0 when the crew ended well or was stopped, 111 when it failed.",
    options: [
      { name: "for", value: "DURATION", text: "Stop the crew after this long: 10s, 2m" },
      {
        name: "live",
        value: "DURATION",
        text: "Show the figures of time contracts so often: rate, age, worst lateness, misses",
      },
      {
        name: "summary",
        value: "FILE",
        text: "Write a JSON summary at the end: state, exits, restarts, CPU and memory of each " +
          "process",
      },
      PROFILE,
      ENV,
      {
        name: "contain",
        value: "HOW",
        text: "What keeps hold of the crew's processes: cgroup, guard, or auto (cgroup where one " +
          "can be made); guard is always there as well. pidns runs the crew in a PID namespace " +
          "with a /proc of its own, which ends with its first process and needs root; `cox ps` " +
          "then shows the pids as they are inside",
      },
    ],
    example: {
      line: "cox up --for 10s --summary run.json",
      text: "Runs the crew for ten seconds and leaves a summary.",
    },
  },
  {
    name: "run",
    summary: "Run one program alone, its ports on files, commands or this terminal",
    operands: "PROGRAM [ARG…]",
    operandsMin: 1,
    operandsMax: null,
    text: "For trying a program out that has links: without a configuration, a supervisor or " +
      "restarts. A PROGRAM with the name of a module (.ts, .js …) is a Deno program in a sandbox " +
      "that grants nothing but what --allow says; anything else is a command. It has this " +
      "terminal as stdin, stdout and stderr, unless a --port takes one of them. Write `--` before " +
      "the program where its arguments begin with a dash. Ctrl-C is passed on, a second one " +
      "kills. Exits with the program's code; with 100 where a line was no sample of a mailbox, with " +
      "111 where a FILE was not read or written to its end.",
    options: [
      {
        name: "port",
        value: "NAME=HOW",
        repeatable: true,
        text: "What is at the other end of a port: `-` this terminal (reads stdin, writes " +
          "stdout), `<FILE`, `>FILE`, `<|COMMAND` and `>|COMMAND` of the shell, `<>|COMMAND`, " +
          "`seqpacket|COMMAND` and `datagram|COMMAND` with a socket pair as that command's stdin and " +
          "stdout, `listen:PORT` on 127.0.0.1 or `listen:PATH`; of a mailbox `mailbox:SHAPE` and then " +
          "`<-`, `<FILE` or `<|COMMAND` where the program consumes, `>-`, `>FILE` or `>|COMMAND` " +
          "where it produces: a line of JSON is a sample. SHAPE is the size of a sample " +
          "(`64KiB`) or its struct (`struct{t:f64;axis:f32[3];}`), behind it `,slots=16` for " +
          `another number than ${DEFAULTS.mailbox.slots}; repeatable`,
      },
      {
        name: "allow",
        value: "KIND=LIST",
        repeatable: true,
        text:
          "A permission of a Deno program: read=./data, net=example.com,localhost:80; repeatable",
      },
      {
        name: "env",
        value: "NAME[=VALUE]",
        repeatable: true,
        text: "A variable that the program gets; without a value the one that it has here; " +
          "repeatable",
      },
    ],
    example: {
      line: "cox run ./detector.ts --port 'readings=<data.ndjson' --port poses=-",
      text: "Feeds a file to one port and shows what the program writes to the other.",
    },
  },
  {
    name: "down",
    summary: "Stop the running crew and wait until nothing of it is left",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Stops the crew backwards in dependency order. A second `cox down` cuts the stop " +
      "timeouts, a third kills, as Ctrl-C does.",
    options: [NO_WAIT],
    example: { line: "cox down", text: "Returns when the supervisor is gone." },
  },
  {
    name: "ps",
    summary: "Show the processes of the running crew",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "With --json: the snapshot of the crew, whose `processes` has the same objects as the " +
      "summary of `cox up --summary`.",
    options: [JSON_OUTPUT, { name: "all", short: "a", text: "System processes (@log) too" }],
    example: { line: "cox ps", text: "A table: state, pid, uptime, restarts, CPU, memory." },
  },
  {
    name: "channels",
    summary: "Show how full each channel is, what goes through it, and who waits for whom",
    operands: "[NAME…]",
    operandsMin: 0,
    operandsMax: null,
    text: "A NAME is a channel, or a process at one of its ends. A relayed pipe has a line for " +
      "each of its processes, a pair one for each direction, a listener its queue of connections. " +
      "What goes through a pipe without `framing` nobody counts: it has no rate, no age and no " +
      "drops. SO FAR is what was taken in all, LAST how long ago the last sample of a mailbox was. " +
      "FULL is what waits in it; a pipe of 64 KiB takes no more from 32 KiB on where it is " +
      "in small pieces. STALLED FOR is how long nothing was taken although something waits; with " +
      "`>`, it began before anybody watched. WAITS follows the whole chain: `a for c` also where " +
      "a writes to b, and b waits for c. Nothing is read or slowed down to find all this, and " +
      "nothing is measured while nobody watches or no `stall` rule needs it.",
    options: [
      JSON_OUTPUT,
      { name: "watch", short: "w", text: "Go on until the crew ends; redraws in place" },
      {
        name: "interval",
        value: "DURATION",
        text: "With --watch: how often, 100ms to 1h; 1s if not said",
      },
    ],
    example: {
      line: "cox channels --watch --interval 500ms",
      text: "Suspend a process (`cox signal NAME STOP`) and watch who waits for it.",
    },
  },
  {
    name: "events",
    summary: "Show what happened: spawns, exits, restarts, requests",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Prints the newest events that the supervisor keeps. All of them are in the run " +
      "directory's events.jsonl.",
    options: [
      { name: "follow", short: "f", text: "Go on with new events until the crew ends" },
      JSON_OUTPUT,
      { name: "since", value: "NUMBER", text: "Only events with this sequence number and later" },
    ],
    example: { line: "cox events -f --json", text: "One JSON object a line, as they happen." },
  },
];

const PROCESS_COMMANDS: readonly CommandSpec[] = [
  {
    name: "start",
    summary: "Start processes, with what they depend on",
    operands: "NAME…",
    operandsMin: 1,
    operandsMax: null,
    text: "A name is a process, one with replicas, or a group. Waits until each is up.",
    options: [NO_WAIT],
    example: { line: "cox start recorder", text: "Returns when it has started." },
  },
  {
    name: "stop",
    summary: "Stop processes; they stay down until started again",
    operands: "NAME…",
    operandsMin: 1,
    operandsMax: null,
    text: "A name is a process, one with replicas, or a group. Waits until each is down.",
    options: [NO_WAIT],
    example: { line: "cox stop recorder", text: "Returns when it has ended." },
  },
  {
    name: "restart",
    summary: "Stop and start processes",
    operands: "NAME…",
    operandsMin: 1,
    operandsMax: null,
    text: "Costs no restart budget. Waits until the next instance of each is up.",
    options: [NO_WAIT],
    example: { line: "cox restart pipeline", text: "Restarts every member of the group." },
  },
  {
    name: "signal",
    summary: "Send a signal to the main process of a process or group",
    operands: "NAME SIGNAL",
    operandsMin: 2,
    operandsMax: 2,
    text: "SIGNAL is a name with or without SIG, or a number. What the process does with it is " +
      "its own affair: an exit counts as one that nobody asked for.",
    options: [],
    example: { line: "cox signal recorder HUP", text: "Asks it to reopen its files." },
  },
];

const CONFIG_COMMANDS: readonly CommandSpec[] = [
  {
    name: "check",
    summary: "Check the configuration without running anything",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Evaluates the file in a sandbox, checks every key, compiles the plan and looks at the " +
      "machine: executables, users, files, modules. Reports everything that is wrong, with the " +
      "place and the fix; and of each listener who gets in, how that is known, and how many.",
    options: [PROFILE, ENV, JSON_OUTPUT],
    example: { line: "cox check", text: "Exits 100 when something is wrong." },
  },
  {
    name: "graph",
    summary: "Show dependencies, groups and channels",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "",
    options: [
      { name: "format", value: "FORMAT", text: "text, mermaid, dot or json; text if not said" },
      PROFILE,
      ENV,
    ],
    example: { line: "cox graph --format dot | dot -Tsvg > crew.svg", text: "Draws the crew." },
  },
  {
    name: "permissions",
    summary: "Show what each process, and cox itself, may do",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Prints the permission flags of every Deno process, and the least that the supervisor " +
      "runs with.",
    options: [PROFILE, ENV, JSON_OUTPUT],
    example: { line: "cox permissions", text: "Every grant of the crew on one page." },
  },
  {
    name: "schema",
    summary: "Print the JSON Schema of the configuration",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "Every key with its documentation, unit, range and default.",
    options: [],
    example: {
      line: "cox schema > supervisor.schema.json",
      text: "For editors: name it in `$schema` of a supervisor.config.json.",
    },
  },
];

const OTHER_COMMANDS: readonly CommandSpec[] = [
  {
    name: "doctor",
    summary: "Say what this machine offers and what is lost without it",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text:
      "Tries it: makes and removes a cgroup, starts a PID namespace, takes the run directory and " +
      "clears away what a dead run left there. Then it measures for three seconds how late timers " +
      "and wake-ups are, and says which time contracts of the configuration here that allows. " +
      "Exits 0 even if something optional is lost, 111 if cox cannot run here.",
    options: [JSON_OUTPUT],
    example: { line: "cox doctor", text: "One line for each thing: ok or lost." },
  },
  {
    name: "version",
    summary: "Print the versions of cox, Deno and the running supervisor",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text: "",
    options: [JSON_OUTPUT],
    example: { line: "cox version", text: "" },
  },
  {
    name: "help",
    summary: "Show help",
    operands: "[COMMAND]",
    operandsMin: 0,
    operandsMax: 1,
    text: "",
    options: [],
    example: { line: "cox help up", text: "The same as `cox up --help`." },
  },
];

/** Every command, in the order of the overview. */
export const COMMANDS: readonly CommandSpec[] = [
  ...RUN_COMMANDS,
  ...DEADLINE_COMMANDS,
  ...PROCESS_COMMANDS,
  ...CONFIG_COMMANDS,
  ...OTHER_COMMANDS,
];
