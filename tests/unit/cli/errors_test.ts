// Which error leads to which exit code and text.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { reportError } from "../../../src/cli/error_report.ts";
import { SystemRefusal, UserError } from "../../../src/cli/exit_codes.ts";
import { type CliIo, OutputClosed } from "../../../src/cli/io.ts";
import { ControlConnectionError, NoSupervisorError } from "../../../src/control/client.ts";
import { ControlError } from "../../../src/control/control_error.ts";
import { RPC_ERROR } from "../../../src/control/protocol.ts";
import { SystemError } from "../../../src/os/errno.ts";
import { RunDirError } from "../../../src/process/run_dir.ts";
import { runCli } from "./support.ts";

function report(error: unknown): { exit: number; err: string } {
  let err = "";
  const io: CliIo = {
    out: () => {},
    err: (text) => void (err += text),
    env: () => undefined,
    stdoutIsTerminal: false,
    terminalSize: () => null,
    cwd: "/",
  };
  return { exit: reportError(error, io), err };
}

Deno.test("reportError() gives each kind of error its exit code, without a stack", () => {
  const cases: readonly (readonly [Error, number])[] = [
    [new UserError("m"), 100],
    [new NoSupervisorError("m"), 100],
    [new SystemRefusal("m"), 111],
    [new SystemError("open", 13, "/x"), 111],
    [new RunDirError("/x", "m"), 111],
    [new ControlConnectionError("m"), 111],
    [new ControlError(RPC_ERROR.invalidParams, "m"), 100],
    [new ControlError(RPC_ERROR.unknownName, "m"), 100],
    [new ControlError(RPC_ERROR.forbidden, "m"), 111],
    [new ControlError(RPC_ERROR.limit, "m"), 111],
  ];
  for (const [error, exit] of cases) {
    const reported = report(error);
    assertEquals(reported.exit, exit, error.name);
    assertMatch(reported.err, /^cox: [^\n]+\n$/);
  }
});

Deno.test("reportError() calls anything else a bug, with its stack", () => {
  for (const error of [new TypeError("oops"), new Deno.errors.NotFound("x"), "thrown text"]) {
    const { exit, err } = report(error);
    assertEquals(exit, 101);
    assertMatch(err, /^cox: This is a bug in cox\./);
    if (error instanceof Error) assert(err.includes("errors_test.ts"), "no stack");
  }
  assertEquals(report(new ControlError(RPC_ERROR.internal, "m")).exit, 101);
});

Deno.test("reportError() suggests a name that the supervisor knows", () => {
  const error = new ControlError(RPC_ERROR.unknownName, 'there is no process or group "wbe"', {
    known: ["web", "db"],
  });
  assertEquals(
    report(error).err,
    'cox: there is no process or group "wbe"; did you mean "web"?\n',
  );
});

Deno.test("main() takes a closed stdout as the end of the work", async () => {
  const { exit, err } = await runCli(["help"], {
    out: () => {
      throw new OutputClosed();
    },
  });
  assertEquals([exit, err], [0, ""]);
});

const USER_MISTAKES: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["no configuration", ["check"], /There is no supervisor\.config\.ts, .* or a folder above/],
  ["no supervisor", ["ps", "--run-dir", "./none"], /no supervisor is running for .*\/none; start/],
  ["missing file", ["check", "--config", "x.ts"], /Cannot read the configuration x\.ts: there is/],
  ["wrong duration", ["up", "--for", "soon"], /Option --for: /],
  ["no time at all", ["up", "--for", "0s"], /Option --for must be more than nothing, is "0s"/],
  [
    "wrong containment",
    ["up", "--contain", "box"],
    /must be auto, cgroup, pidns or guard, is "box"/,
  ],
  ["summary in no folder", ["up", "--summary", "./no/x.json"], /has no folder to be written to/],
  ["summary is a folder", ["up", "--summary", "."], /must be a file, is a folder/],
  ["wrong format", ["graph", "--format", "png"], /one of text, mermaid, dot, json, is "png"/],
  ["wrong number", ["events", "--since", "3x"], /must be a sequence number, is "3x"/],
];

for (const [name, args, message] of USER_MISTAKES) {
  Deno.test(`main() exits 100 without a stack for ${name}`, async () => {
    const cwd = await Deno.makeTempDir();
    const { exit, err, out } = await runCli(args, { cwd });
    assertEquals([exit, out], [100, ""], err);
    assertMatch(err, message);
    assertEquals(err.split("\n").length, 2);
    await Deno.remove(cwd, { recursive: true });
  });
}
