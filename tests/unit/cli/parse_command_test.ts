// Strict arguments: what is accepted, and what each mistake is told.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { UserError } from "../../../src/cli/exit_codes.ts";
import { parseCommandLine } from "../../../src/cli/parse_command.ts";

Deno.test("parseCommandLine() takes global options before and after the command", () => {
  for (const args of [["--run-dir", "/r", "ps", "--json"], ["ps", "--json", "--run-dir=/r"]]) {
    const { command, options } = parseCommandLine(args);
    assertEquals(command?.name, "ps");
    assertEquals([options.value("run-dir"), options.flag("json")], ["/r", true]);
    assertEquals(options.flag("no-color"), false);
  }
});

Deno.test("parseCommandLine() collects repeatable options and keeps operands as text", () => {
  const up = parseCommandLine(["up", "--env", "A", "--env=B", "--profile", "x", "--for", "10s"]);
  assertEquals(up.options.values("env"), ["A", "B"]);
  assertEquals(up.options.values("profile"), ["x"]);
  assertEquals(up.options.value("for"), "10s");
  assertEquals(parseCommandLine(["signal", "web", "015"]).options.operands, ["web", "015"]);
  assertEquals(parseCommandLine(["stop", "--", "--json"]).options.operands, ["--json"]);
  assertEquals(parseCommandLine(["events", "-f"]).options.flag("follow"), true);
  assertEquals(parseCommandLine(["stop", "a", "--no-wait"]).options.flag("no-wait"), true);
});

Deno.test("parseCommandLine() has no command to give for no arguments", () => {
  assertEquals(parseCommandLine([]).command, null);
  assert(parseCommandLine(["-h"]).options.flag("help"));
});

const MISTAKES: readonly (readonly [args: readonly string[], message: string])[] = [
  [["pss"], 'There is no command "pss"; did you mean `cox ps`?'],
  [["frobnicate"], 'There is no command "frobnicate"; see `cox help`'],
  [["ps", "--jsno"], "There is no option --jsno here; did you mean --json?"],
  [["ps", "--for", "1s"], "There is no option --for here; see `cox ps --help`"],
  [["--jsno", "ps"], "There is no option --jsno here; see `cox help`"],
  [["--version"], "There is no option --version here; did you mean `cox version`?"],
  [["ps", "-x"], "There is no option -x here; see `cox ps --help`"],
  [["ps", "--json=false"], "Option --json takes no value; see `cox ps --help`"],
  [["--verbose=1", "ps"], "Option --verbose takes no value; see `cox help`"],
  [["up", "--for"], "Option --for needs a value: --for DURATION; see `cox up --help`"],
  [
    ["up", "--summary", "--for", "1s"],
    "Option --summary needs a value: --summary FILE; see `cox up --help`",
  ],
  [["up", "--for", "1s", "--for", "2s"], "Option --for is given 2 times, must be once"],
  [["--config", "a", "up", "--config", "b"], "Option --config is given twice; see `cox up --help`"],
  [["up", "now"], 'cox up takes no operands, was given "now"; see `cox up --help`'],
  [["stop"], "cox stop takes NAME…, was given none; see `cox stop --help`"],
  [["signal", "web"], 'cox signal takes NAME SIGNAL, was given "web"; see `cox signal --help`'],
  [["ps", "--no-json"], "There is no option --no-json here; see `cox ps --help`"],
  [["--run-dir", "--json", "ps"], "There is no option --json here; see `cox help`"],
  [["--run-dir"], "Option --run-dir needs a value: --run-dir DIR; see `cox help`"],
  [["ps", "--__proto__"], "There is no option --__proto__ here; see `cox ps --help`"],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`parseCommandLine() explains \`cox ${args.join(" ")}\``, () => {
    assertEquals(assertThrows(() => parseCommandLine(args), UserError).message, message);
  });
}
