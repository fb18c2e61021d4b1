/** The commands about time contracts, as data. Must not know: how a command does its work. */
import type { CommandSpec } from "./command_spec.ts";

export const DEADLINE_COMMANDS: readonly CommandSpec[] = [
  {
    name: "deadlines",
    summary: "Show time contracts: what is kept, how late it was at worst, what was missed",
    operands: "[NAME…]",
    operandsMin: 0,
    operandsMax: null,
    text: "A NAME is a contract, or a process that keeps some. PER SECOND and AGE are of signs, " +
      "passes and steps of the live instance, P50 to MAX of all: of a cycle how long its passes " +
      "took, of a heartbeat the time from sign to sign, of a span how long it was, of the latency " +
      "of a mailbox or a path that ends at one how old samples were. WORST LATE is how far beyond " +
      "its limit it was. `(2 of 10)` are those missed among the last ones that " +
      "count. With --json also the other distributions.",
    options: [
      { name: "json", text: "Print JSON" },
      { name: "watch", short: "w", text: "Go on until the crew ends; redraws in place" },
      {
        name: "interval",
        value: "DURATION",
        text: "With --watch: how often, 100ms to 1h; 1s if not said",
      },
    ],
    example: { line: "cox deadlines --watch", text: "A line for each contract, once a second." },
  },
  {
    name: "why",
    summary: "Tell why a process missed its last contract: who, how late, what it was waiting for",
    operands: "NAME",
    operandsMin: 1,
    operandsMax: 1,
    text:
      "A NAME is a process or one of its contracts. Tells what was seen at that time: what the " +
      "process waited in, what it got of the CPU, which of its channels were full or empty, how " +
      "pressed the machine was; what was done, and what came of it. The reason behind `so` is the " +
      "likeliest one by these signs, and no proof. When no supervisor runs it is told from the " +
      "run directory's events.jsonl, of the last run, and says so.",
    options: [],
    example: { line: "cox why detector", text: "Ten lines about its last miss." },
  },
  {
    name: "timeline",
    summary: "Draw the last seconds: each process's cycles, misses and restarts",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text:
      "What was stamped is in memory, about five seconds of it and of fast cycles less, and as " +
      "much again of the instances before the live one; misses and restarts go back as far as " +
      "the events that the supervisor keeps.",
    options: [
      { name: "svg", value: "FILE", text: "Where the picture is written" },
      { name: "last", value: "DURATION", text: "How far back, 1s to 1h; 5s if not said" },
    ],
    example: { line: "cox timeline --svg last.svg", text: "A row for each process." },
  },
  {
    name: "trace",
    summary: "Print where the stamps around misses were written",
    operands: "",
    operandsMin: 0,
    operandsMax: 0,
    text:
      "After a miss the supervisor writes the last ten seconds of stamps to a file in the run " +
      "directory, sixteen files at most. They open in https://ui.perfetto.dev and in " +
      "chrome://tracing. They stay when the crew has ended, until the next `cox up`.",
    options: [],
    example: { line: "cox trace | tail -1", text: "The last one." },
  },
];
