// Help of every command, the overview, and the reference that is made from the same data.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { cliReference } from "../../../src/cli/cli_reference.ts";
import { COMMANDS } from "../../../src/cli/commands.ts";
import { runCli } from "./support.ts";

for (const command of COMMANDS) {
  Deno.test(`cox ${command.name} --help shows usage, each option and an example, in 100 columns`, async () => {
    const help = await runCli([command.name, "--help"]);
    assertEquals([help.exit, help.err], [0, ""]);
    assertStringIncludes(help.out, `Usage: cox ${command.name} [OPTIONS]`);
    assertStringIncludes(help.out, `Example:\n  ${command.example.line}`);
    for (const { name, text } of command.options) {
      assertStringIncludes(help.out, `--${name}`);
      assertStringIncludes(help.out, text.split(" ").slice(0, 3).join(" "));
    }
    for (const line of help.out.split("\n")) assert(line.length <= 100, line);
    assertEquals(await runCli(["help", command.name]), help);
    assert(command.example.line.startsWith("cox "));
  });
}

Deno.test("cox help lists every command; without a command it is the same and exits 100", async () => {
  const help = await runCli(["help"]);
  for (const { name, summary } of COMMANDS) assertStringIncludes(help.out, `${name}`), summary;
  assertEquals(help.exit, 0);
  assertEquals(await runCli(["--help"]), help);
  assertEquals(await runCli([]), { ...help, exit: 100 });
});

Deno.test("cox help refuses an unknown command", async () => {
  const { exit, err } = await runCli(["help", "upp"]);
  assertEquals([exit, err], [100, 'cox: There is no command "upp"; did you mean `cox up`?\n']);
});

Deno.test("docs/cli.md is what `deno run src/cli/cli_reference.ts` prints", async () => {
  const path = new URL("../../../docs/cli.md", import.meta.url);
  assertEquals(
    await Deno.readTextFile(path),
    cliReference().trimEnd() + "\n",
    "write it anew: deno run src/cli/cli_reference.ts > docs/cli.md",
  );
});
