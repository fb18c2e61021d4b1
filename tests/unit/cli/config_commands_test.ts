// The commands that need no supervisor, on real configuration files.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { pipeBytesMax } from "../../../src/os/pipe_limit.ts";
import { type CliResult, runCli } from "./support.ts";

interface Project extends AsyncDisposable {
  readonly dir: string;
  cox(...args: string[]): Promise<CliResult>;
}

async function project(files: Readonly<Record<string, string>>): Promise<Project> {
  const dir = await Deno.realPath(await Deno.makeTempDir({ prefix: "cox-cli-" }));
  for (const [name, text] of Object.entries(files)) {
    await Deno.mkdir(`${dir}/${name}`.slice(0, `${dir}/${name}`.lastIndexOf("/")), {
      recursive: true,
    });
    await Deno.writeTextFile(`${dir}/${name}`, text);
  }
  return {
    dir,
    cox: (...args) => runCli(["--run-dir", `${dir}/run`, ...args], { cwd: dir }),
    async [Symbol.asyncDispose]() {
      await Deno.remove(dir, { recursive: true });
    },
  };
}

const GOOD = JSON.stringify({
  name: "good",
  processes: {
    first: { run: { kind: "command", argv: ["true"] }, restart: { policy: "temporary" } },
    second: { run: { kind: "command", argv: ["sleep", "1"] }, after: { first: "completed" } },
  },
});
const BAD = JSON.stringify({
  name: "bad",
  processes: {
    web: { run: { kind: "command", argv: ["true"] }, restrat: {}, after: { wbe: "ready" } },
  },
});

Deno.test("cox check says that a configuration is good, and runs and writes nothing", async () => {
  await using at = await project({ "supervisor.config.json": GOOD });
  const { exit, out } = await at.cox("check");
  assertEquals([exit, out], [0, "good: good; 2 processes, 0 groups, 0 channels\n"]);
  assertEquals([...Deno.readDirSync(at.dir)].map(({ name }) => name), ["supervisor.config.json"]);
});

Deno.test("cox check counts a relayed pipe as one channel and warns of what the kernel cuts", async () => {
  const relayed = (rest: object) => ({
    kind: "pipe",
    from: ["a.stdout", "b.stdout"],
    to: ["c.stdin"],
    framing: "lines",
    ...rest,
  });
  const run = { kind: "command", argv: ["cat"] };
  const config = (channels: object) => ({
    "supervisor.config.json": JSON.stringify({
      name: "merged",
      processes: { a: { run }, b: { run }, c: { run } },
      channels: { direct: { kind: "pipe", from: "a.x", to: "b.x" }, ...channels },
    }),
  });
  await using good = await project(config({ lines: relayed({}) }));
  assertEquals(await good.cox("check"), {
    exit: 0,
    out: "merged: good; 3 processes, 0 groups, 2 channels (1 relayed)\n",
    err: "",
  });
  const { out: flags } = await good.cox("permissions");
  assertStringIncludes(flags, "@relay\n  --allow-ffi (system process; given up before");
  await using large = await project(config({ lines: relayed({ capacity: "1GiB" }) }));
  const { exit, err } = await large.cox("check");
  assertEquals(exit, 0, err);
  const cut = err.includes("/proc/sys/fs/pipe-max-size): 1GiB becomes that");
  assertEquals(cut, pipeBytesMax() !== null, err);
});

Deno.test("cox check reports every issue with its place and exits 100", async () => {
  await using at = await project({ "supervisor.config.json": BAD });
  const { exit, out, err } = await at.cox("check");
  assertEquals([exit, out], [100, ""]);
  assertStringIncludes(err, "supervisor.config.json: ");
  assertStringIncludes(err, "processes.web.restrat");
  assertStringIncludes(err, 'did you mean "restart"?');
  assertMatch(err, /processes\.web\.after.*wbe/);
  const json = JSON.parse((await at.cox("check", "--json")).out);
  assertEquals(json.valid, false);
  assert(json.issues.length >= 2);
});

Deno.test("cox check evaluates a TypeScript configuration from a folder below it", async () => {
  await using at = await project({
    "supervisor.config.ts": 'import { command, defineConfig } from "coxswain";\n' +
      'export default defineConfig({ name: "ts", processes: { a: { run: command(["true"]) } } });',
    "deep/er/file": "",
  });
  const { exit, out, err } = await runCli(["--run-dir", `${at.dir}/run`, "check"], {
    cwd: `${at.dir}/deep/er`,
  });
  assertEquals([exit, out], [0, "ts: good; 1 process, 0 groups, 0 channels\n"], err);
});

Deno.test("cox refuses to choose between two configurations in one folder", async () => {
  await using at = await project({ "supervisor.config.json": GOOD, "supervisor.config.ts": "" });
  const { exit, err } = await at.cox("check");
  assertEquals(exit, 100);
  assertStringIncludes(err, "supervisor.config.ts and supervisor.config.json are both in");
  assertEquals((await at.cox("check", "--config", "supervisor.config.json")).exit, 0);
});

Deno.test("cox graph draws each format, and no format for a bad configuration", async () => {
  await using at = await project({ "supervisor.config.json": GOOD, "bad.json": BAD });
  assertStringIncludes((await at.cox("graph")).out, "second");
  assertStringIncludes((await at.cox("graph", "--format", "dot")).out, "digraph");
  assertStringIncludes((await at.cox("graph", "--format", "mermaid")).out, "flowchart");
  assertEquals(JSON.parse((await at.cox("graph", "--format=json")).out).name, "good");
  const bad = await at.cox("graph", "--config", "bad.json");
  assertEquals([bad.exit, bad.out], [100, ""]);
});

Deno.test("cox permissions lists processes and the supervisor's own flags", async () => {
  await using at = await project({ "supervisor.config.json": GOOD });
  const { exit, out } = await at.cox("permissions");
  assertEquals(exit, 0);
  assertStringIncludes(out, "first");
  assertStringIncludes(out, "--allow-ffi");
  const json = JSON.parse((await at.cox("permissions", "--json")).out);
  assertEquals(json.config, "good");
});

Deno.test("cox schema prints a JSON Schema that documents the top keys", async () => {
  const { exit, out } = await runCli(["schema"]);
  const schema = JSON.parse(out);
  assertEquals(exit, 0);
  for (const key of ["name", "processes", "groups", "channels"]) {
    assert(schema.properties[key] !== undefined, key);
  }
});

Deno.test("cox doctor reports every probe, as lines and as JSON", async () => {
  await using at = await project({ "supervisor.config.json": GOOD });
  const { out } = await at.cox("doctor");
  const json = JSON.parse((await at.cox("doctor", "--json")).out);
  const names = json.findings.map((finding: { name: string }) => finding.name);
  for (
    const name of [
      ...["deno", "cgroup.kill", "guard", "setpriv", "run directory", "open files", "timers"],
      ...["wake-ups", "real-time policies", "real-time share", "pressure", "locked memory"],
      ...["hardware watchdog", "contracts", "frequency", "isolated CPUs", "chrt"],
    ]
  ) {
    assert(names.includes(name), name);
    assertStringIncludes(out, name);
  }
  for (const { status, consequence } of json.findings) {
    assert(["ok", "lost", "broken"].includes(status));
    assertEquals(consequence === null, status === "ok");
  }
});

Deno.test("cox doctor says which contracts of the configuration here cannot be kept, and why", async () => {
  const cycles = { fast: { period: "100us" }, slow: { period: "10s", budget: "1s" } };
  const config = {
    name: "x",
    processes: { a: { run: { kind: "command", argv: ["true"] }, deadlines: { cycles } } },
  };
  await using at = await project({ "supervisor.config.json": JSON.stringify(config) });
  const checked = await at.cox("check");
  assertEquals(checked.out, "x: good; 1 process, 0 groups, 0 channels, 2 time contracts\n");
  // Assumed without a measurement.
  assertStringIncludes(checked.err, "a period of 0.1 ms is below the 1 ms that a wake-up here is");
  const { findings } = JSON.parse((await at.cox("doctor", "--json")).out);
  const named = (name: string) => findings.filter((each: { name: string }) => each.name === name);
  assertEquals(named("a.cycle.slow"), []);
  const [summary] = named("contracts");
  if (summary.status === "ok") return assertEquals(summary.detail, "all 2 fit what was measured");
  assertEquals(summary.detail, "1 of 2 fit what was measured");
  assertStringIncludes(named("a.cycle.fast")[0].detail, "a period of 0.1 ms is below the");
});

Deno.test("cox up refuses a run directory whose socket path would be too long, or has a comma", async () => {
  await using at = await project({ "supervisor.config.json": GOOD });
  const long = await runCli(["up", "--run-dir", `/tmp/${"x".repeat(120)}`], { cwd: at.dir });
  assertEquals(long.exit, 100);
  assertStringIncludes(long.err, "at most 107 bytes");
  const comma = await runCli(["up", "--run-dir", "/tmp/a,b"], { cwd: at.dir });
  assertEquals(comma.exit, 100);
});

Deno.test("cox up exits 100 for a bad configuration, and the run directory is free again", async () => {
  await using at = await project({ "supervisor.config.json": BAD });
  const command = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "-A",
      "--cached-only",
      new URL("../../../main.ts", import.meta.url).pathname,
      "up",
      "--run-dir",
      `${at.dir}/run`,
    ],
    cwd: at.dir,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
  for (let times = 0; times < 2; times++) {
    const { code, stderr } = await command.output();
    assertEquals(code, 100);
    assertStringIncludes(new TextDecoder().decode(stderr), "processes.web.restrat");
  }
});
