/**
 * The notify half of `coxswain/child`, each case in a Deno process of its own without any
 * permission and with the descriptor handed over by `sh`, as an exec chain would.
 */
import { assertEquals, assertStringIncludes } from "@std/assert";

const MOD = new URL("../../../src/child/mod.ts", import.meta.url).href;

interface Outcome {
  /** What came out of descriptor 3. */
  readonly notified: string;
  readonly stderr: string;
  readonly code: number;
}

/** Runs `body` in a sandboxed child whose descriptor 3 is a pipe to us. */
async function runChild(body: string, links: unknown = validLinks()): Promise<Outcome> {
  const preload = `globalThis[Symbol.for("coxswain.links")] = ${JSON.stringify(links)};`;
  const program = `import * as child from ${JSON.stringify(MOD)};\n${body}`;
  const argv = [Deno.execPath(), "run", "--no-prompt", "--no-config"];
  if (links !== null) argv.push(`--preload=data:text/javascript,${encodeURIComponent(preload)}`);
  argv.push(`data:text/javascript,${encodeURIComponent(program)}`);
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", 'exec "$@" 3>&1 1>&2', "sh", ...argv],
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { notified: decode(stdout), stderr: decode(stderr), code };
}

function validLinks() {
  return { version: 1, process: "me", notifyFd: 3, links: [] };
}

Deno.test("ready() writes READY=1 to the notify descriptor without any permission", async () => {
  const outcome = await runChild("await child.ready();");
  assertEquals(outcome, { notified: "READY=1\n", stderr: "", code: 0 });
});

Deno.test("status() and the others write one message a line, in the order of the calls", async () => {
  const outcome = await runChild(`
    const all = [child.ready(), child.status("50 Hz"), child.watchdog(), child.reloading(),
      child.extendTimeout(1.5), child.stopping()];
    await Promise.all(all);
  `);
  assertEquals(outcome.notified.split("\n"), [
    "READY=1",
    "STATUS=50 Hz",
    "WATCHDOG=1",
    "RELOADING=1",
    "EXTEND_TIMEOUT_USEC=1500",
    "STOPPING=1",
    "",
  ]);
});

Deno.test("ready() does not keep the program alive, and is delivered when not awaited", async () => {
  const outcome = await runChild("child.ready();");
  assertEquals(outcome, { notified: "READY=1\n", stderr: "", code: 0 });
});

Deno.test("status() refuses a line break, a NUL and one byte too many, and sends nothing", async () => {
  const outcome = await runChild(`
    for (const text of ["a\\nREADY=1", "a\\rb", "a\\0b", "x".repeat(4089)]) {
      const error = await child.status(text).then(() => null, (error) => error);
      if (!(error instanceof TypeError)) throw new Error("accepted " + JSON.stringify(text));
    }
    await child.status("x".repeat(4088));
  `);
  assertEquals(outcome.stderr, "");
  assertEquals(outcome.notified, "STATUS=" + "x".repeat(4088) + "\n");
});

Deno.test("extendTimeout() accepts (0, ten days] and nothing else", async () => {
  const outcome = await runChild(`
    for (const ms of [0, -1, NaN, Infinity, 864000001]) {
      const error = await child.extendTimeout(ms).then(() => null, (error) => error);
      if (!(error instanceof RangeError)) throw new Error("accepted " + ms);
    }
    await child.extendTimeout(864000000);
  `);
  assertEquals(outcome.stderr, "");
  assertEquals(outcome.notified, "EXTEND_TIMEOUT_USEC=864000000000\n");
});

Deno.test("ready() rejects with the way to run it when there is no supervisor", async () => {
  const outcome = await runChild(
    `await child.ready().catch((error) => {
      console.error(error instanceof child.NotSupervisedError, error.reason, error.message);
    });
    console.error(child.isSupervised());`,
    null,
  );
  assertStringIncludes(outcome.stderr, "true no-supervisor Cannot call ready():");
  assertStringIncludes(outcome.stderr, "cox up");
  assertStringIncludes(outcome.stderr, "defineConfig");
  assertStringIncludes(outcome.stderr, "\nfalse\n");
  assertEquals(outcome.notified, "");
});

Deno.test("ready() rejects when the plan gives no notify descriptor, and under another version", async () => {
  const body =
    `await child.ready().catch((error) => console.error(error.reason, child.isSupervised()));`;
  const none = await runChild(body, { ...validLinks(), notifyFd: null });
  assertEquals(none.stderr, "no-descriptor true\n");
  const other = await runChild(body, { ...validLinks(), version: 2 });
  assertEquals(other.stderr, "other-version false\n");
});

Deno.test("ready() rejects with the cause, and does not crash, when the supervisor is gone", async () => {
  const preload = `globalThis[Symbol.for("coxswain.links")] = ${JSON.stringify(validLinks())};`;
  const program = `import { ready } from ${JSON.stringify(MOD)};
    let error = null;
    while (error === null) error = await ready().then(() => null, (reason) => reason);
    console.error(error.message, error.cause.code);`;
  const { stderr, code } = await new Deno.Command("sh", {
    args: [
      "-c",
      // The reader of descriptor 3 ends at once, before the program writes or soon after.
      '{ "$@" 3>&1 1>&2; echo "exit $?" >&2; } | :',
      "sh",
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--no-config",
      `--preload=data:text/javascript,${encodeURIComponent(preload)}`,
      `data:text/javascript,${encodeURIComponent(program)}`,
    ],
    env: { NO_COLOR: "1" },
  }).output();
  assertEquals(code, 0);
  assertEquals(
    new TextDecoder().decode(stderr),
    'Cannot tell the supervisor "READY=1": its pipe is gone EPIPE\nexit 0\n',
  );
});

Deno.test("heartbeat() without memory to stamp sends messages, and no second one while one is on its way", async () => {
  const outcome = await runChild(`
    for (let left = 1000; left > 0; left--) child.heartbeat();
    await child.status("between");
    child.heartbeat();
  `);
  assertEquals(outcome.stderr, "");
  assertEquals(outcome.notified, "WATCHDOG=1\nSTATUS=between\nWATCHDOG=1\n");
});

Deno.test("heartbeat() is refused where there is nobody to hear it", async () => {
  const outcome = await runChild("child.heartbeat();", { ...validLinks(), notifyFd: null });
  assertEquals(outcome.code, 1);
  assertStringIncludes(outcome.stderr, "no notify descriptor");
});
