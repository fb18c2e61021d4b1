// `@log` as it really runs: a Deno child with no permission, over pipes.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { spawn } from "node:child_process";
import type { EventBody, EventRecord } from "../../../src/audit/event_record.ts";
import { closeFd, createPipe, reopenPipe, writeFd } from "../../../src/os/pipe.ts";
import { captureMarker, type LogCommand } from "../../../src/system/log_protocol.ts";

const TOKEN = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const PROGRAM = new URL("../../../src/system/log.ts", import.meta.url).pathname;
const WATCHDOG_MS = 30_000;

interface LogFixture extends Disposable {
  send(command: LogCommand): void;
  /** Ends the commands, as a dead supervisor does. */
  endCommands(): void;
  /** Writes into capture `index`; resolves when all of it is in the pipe. */
  write(index: number, text: string | Uint8Array<ArrayBuffer>): Promise<void>;
  /** Closes the supervisor's write end of capture `index`. */
  close(index: number): void;
  shown(): string;
  reports(): string;
  /** Closes our end of its terminal. */
  closeTerminal(): void;
  signal(name: Deno.Signal): void;
  /** Resolves when it has exited, to its code or signal. */
  readonly exited: Promise<number | string | null>;
}

/** Starts `@log` with captures of `web` stdout, `web` stderr and `db` stdout. */
function startLog(options: { color?: boolean; hello?: boolean } = {}): LogFixture {
  const captures = [
    { process: "web", stream: "stdout" as const },
    { process: "web", stream: "stderr" as const },
    { process: "db", stream: "stdout" as const },
  ];
  const pipes = captures.map(() => createPipe());
  // A fresh description for the child: what it sets on it stays its own.
  const childFds = pipes.map(({ readFd }) => reopenPipe(readFd, "read"));
  const writeFds = pipes.map(({ readFd, writeFd }) => {
    closeFd(writeFd);
    return reopenPipe(readFd, "write", { nonBlocking: true });
  });
  const child = spawn(Deno.execPath(), [
    "run",
    "--no-prompt",
    "--no-config",
    "--cached-only",
    "--v8-flags=--expose-gc",
    PROGRAM,
  ], { stdio: ["pipe", "pipe", "inherit", "pipe", ...childFds], env: { ...Deno.env.toObject() } });
  childFds.forEach(closeFd);
  let shown = "";
  let reports = "";
  const decoder = new TextDecoder();
  child.stdout!.on("data", (chunk: Uint8Array) => shown += decoder.decode(chunk, { stream: true }));
  // deno-lint-ignore no-explicit-any
  (child.stdio[3] as any).on("data", (chunk: Uint8Array) => reports += String(chunk));
  child.stdin!.on("error", () => {});
  const exited = new Promise<number | string | null>((resolve) =>
    child.on("close", (code, signal) => resolve(code ?? signal))
  );
  const open = new Set([...pipes.map(({ readFd }) => readFd), ...writeFds]);
  const closeOnce = (fd: number) => open.delete(fd) && closeFd(fd);
  const fixture: LogFixture = {
    send: (command) => void child.stdin!.write(JSON.stringify(command) + "\n"),
    endCommands: () => void child.stdin!.end(),
    async write(index, text) {
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
      const limit = performance.now() + WATCHDOG_MS;
      for (let at = 0; at < bytes.length;) {
        const count = writeFd(writeFds[index]!, bytes.subarray(at));
        if (typeof count === "number") at += count;
        else {
          assert(count === "would-block" && performance.now() < limit, `the pipe is ${count}`);
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
    },
    close(index) {
      closeOnce(writeFds[index]!);
      closeOnce(pipes[index]!.readFd);
    },
    shown: () => shown,
    reports: () => reports,
    closeTerminal: () => child.stdout!.destroy(),
    // Deno's child.kill() sets the reported signal, whatever the child then ends with.
    signal: (name) => Deno.kill(child.pid!, name),
    exited,
    [Symbol.dispose]() {
      child.kill("SIGKILL");
      for (const fd of [...open]) closeOnce(fd);
    },
  };
  if (options.hello !== false) {
    fixture.send({
      kind: "hello",
      color: options.color ?? false,
      token: TOKEN,
      captures: captures.map((capture, index) => ({ ...capture, fd: 4 + index })),
      nameWidth: 3,
    });
  }
  return fixture;
}

async function until(condition: () => boolean, what: () => string): Promise<void> {
  const limit = performance.now() + WATCHDOG_MS;
  while (!condition()) {
    assert(performance.now() < limit, `it did not come true: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

function record(body: EventBody): EventRecord {
  return { seq: 1, monoNs: 1, wall: "2025-01-02T03:04:05.678Z", ...body };
}

// Its stdio handles belong to node:child_process and close after the test's last await.
const options = { sanitizeOps: false, sanitizeResources: false };

Deno.test(
  "@log shows lines with their process and stream, and drains to the end",
  options,
  async () => {
    using log = startLog();
    await log.write(0, captureMarker(TOKEN, 1) + "one\ntwo\n");
    await log.write(1, "oops\n");
    await log.write(2, "\x1b[2Jsel\x1b[31mect\n");
    await until(() => log.shown().split("\n").length === 5, log.shown);
    assertEquals(log.shown().split("\n").sort(), [
      "",
      "db  | select",
      "web ! oops",
      "web | one",
      "web | two",
    ]);
    await log.write(0, "last words");
    log.send({ kind: "drain" });
    for (const index of [0, 1, 2]) log.close(index);
    assertEquals(await log.exited, 0);
    assert(log.shown().endsWith("web | last words\n"), log.shown());
  },
);

Deno.test(
  "@log colours prefixes and keeps a program's colours when colour is on",
  options,
  async () => {
    using log = startLog({ color: true });
    await log.write(0, "\x1b[31mred\n");
    await until(() => log.shown().includes("red"), log.shown);
    // deno-lint-ignore no-control-regex
    assertMatch(log.shown(), /^\x1b\[\d+mweb\x1b\[0m \x1b\[2m\|\x1b\[0m \x1b\[31mred\x1b\[0m\n$/);
  },
);

Deno.test("@log reports the line that makes an instance ready, once", options, async () => {
  using log = startLog();
  await log.write(
    0,
    captureMarker(TOKEN, 1) + "ready\n" + captureMarker(TOKEN, 2) + "ready at last\n",
  );
  log.send({ kind: "watch", process: "web", instance: 2, stream: "stdout", pattern: "^ready at" });
  log.send({ kind: "watch", process: "db", instance: 1, stream: "stdout", pattern: "up$" });
  await log.write(2, captureMarker(TOKEN, 1) + "db is up\nup\n");
  await until(() => log.reports().split("\n").length === 3, log.reports);
  log.send({ kind: "drain" });
  for (const index of [0, 1, 2]) log.close(index);
  assertEquals(await log.exited, 0);
  assertEquals(log.reports().trim().split("\n").map((line) => JSON.parse(line).process).sort(), [
    "db",
    "web",
  ]);
  assertStringIncludes(log.reports(), '{"kind":"matched","process":"web","instance":2}');
  assert(!log.shown().includes(TOKEN), "a marker was shown");
});

Deno.test("@log shows a refused pattern and goes on", options, async () => {
  using log = startLog();
  log.send({ kind: "watch", process: "web", instance: 1, stream: "stdout", pattern: "(" });
  await log.write(0, "still here\n");
  await until(
    () => log.shown().includes("pattern is refused") && log.shown().includes("still here"),
    log.shown,
  );
});

Deno.test(
  "@log shows exits after the last words of the process, half lines too",
  options,
  async () => {
    using log = startLog();
    log.send({
      kind: "record",
      record: record({
        event: "exit",
        process: "web",
        instance: 3,
        pid: 9,
        ranMs: 1234,
        reason: { kind: "code", code: 3, cause: null },
      }),
    });
    await log.write(0, "bye\nhalf");
    await until(() => log.shown().includes("half\n"), log.shown);
    assertEquals(log.shown(), "web | bye\ncox | web#3 ended after 1.2 s: code 3\nweb | half\n");
  },
);

Deno.test(
  "@log drains and exits 0 when the commands end, though a writer is left",
  options,
  async () => {
    using log = startLog();
    await log.write(0, "held");
    log.endCommands();
    assertEquals(await log.exited, 0);
    assertEquals(log.shown(), "web | held\n");
  },
);

Deno.test("@log takes SIGTERM as a drain and ignores SIGINT", options, async () => {
  using log = startLog();
  await log.write(0, "before\n");
  await until(() => log.shown().includes("before"), log.shown);
  log.signal("SIGINT");
  await log.write(0, "after\n");
  await until(() => log.shown().includes("after"), log.shown);
  log.signal("SIGTERM");
  await log.write(0, "at the end");
  assertEquals(await log.exited, 0);
  assertStringIncludes(log.shown(), "web | at the end\n");
});

Deno.test(
  "@log keeps reading when its terminal is gone, so that nobody blocks",
  options,
  async () => {
    using log = startLog();
    await log.write(0, "first\n");
    await until(() => log.shown().includes("first"), log.shown);
    log.closeTerminal();
    // Far more than the pipe holds: these writes end only if somebody reads.
    for (let times = 0; times < 64; times++) {
      await log.write(0, "x".repeat(8191) + "\n");
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    log.send({ kind: "watch", process: "web", instance: 1, stream: "stdout", pattern: "^alive" });
    await log.write(0, "alive\n");
    await until(() => log.reports().includes("matched"), log.reports);
  },
);

Deno.test("@log shows every one of 200,000 lines in order", options, async () => {
  using log = startLog();
  await log.write(0, "begin\n");
  await until(() => log.shown().includes("begin"), log.shown);
  const begun = log.shown().length;
  const writer = spawn("sh", ["-c", "seq 1 200000"], { stdio: ["ignore", "pipe", "inherit"] });
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of writer.stdout!) chunks.push(new Uint8Array(chunk));
  for (const chunk of chunks) {
    await log.write(0, chunk);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  await until(() => log.shown().endsWith("web | 200000\n"), () => log.shown().slice(-100));
  const seen = log.shown().slice(begun).split("\n").filter((line) => /\d/.test(line));
  assertEquals(seen.length, 200_000);
  assert(seen.every((line, index) => line === `web | ${index + 1}`));
});
