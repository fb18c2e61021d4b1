import { assert, assertEquals, assertThrows } from "@std/assert";
import { SystemError } from "../../../src/os/errno.ts";
import { closeFd, createPipe, openNull, readFd } from "../../../src/os/pipe.ts";
import { sendSignal } from "../../../src/os/signals.ts";
import { Spawner, spawnProcess } from "../../../src/process/spawn.ts";
import { processStat } from "../../../src/process/tree.ts";
import {
  ended,
  mustSpawn,
  openDescriptors,
  outputOf,
  shellRequest,
  temporaryDirectory,
  until,
} from "../../process/support/harness.ts";

Deno.test("spawnProcess() reports a missing executable with its path", () => {
  const result = spawnProcess(shellRequest("", { executable: "/nonexistent/program" }));
  assertEquals(result, { kind: "failed", errno: "ENOENT", path: "/nonexistent/program" });
});

Deno.test("spawnProcess() reports a missing directory with its path", () => {
  const result = spawnProcess(shellRequest("", { cwd: "/nonexistent/place" }));
  assertEquals(result, { kind: "failed", errno: "ENOENT", path: "/nonexistent/place" });
});

Deno.test("spawnProcess() reports a cwd that is no directory", () => {
  const result = spawnProcess(shellRequest("", { cwd: "/etc/passwd" }));
  assertEquals(result, { kind: "failed", errno: "ENOTDIR", path: "/etc/passwd" });
});

Deno.test("spawnProcess() reports an executable without execute permission", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/plain`;
  Deno.writeTextFileSync(path, "#!/bin/sh\n", { mode: 0o644 });
  const result = spawnProcess(shellRequest("", { executable: path }));
  assertEquals(result, { kind: "failed", errno: "EACCES", path });
});

Deno.test("spawnProcess() reports a file that is no program", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/text`;
  Deno.writeTextFileSync(path, "neither ELF nor script\n");
  Deno.chmodSync(path, 0o755);
  const result = spawnProcess(shellRequest("", { executable: path }));
  assertEquals(result, { kind: "failed", errno: "ENOEXEC", path });
});

Deno.test("spawnProcess() reports a script's missing interpreter", () => {
  using dir = temporaryDirectory();
  const path = `${dir.path}/script`;
  Deno.writeTextFileSync(path, "#! /nonexistent/interpreter -x\n");
  Deno.chmodSync(path, 0o755);
  const result = spawnProcess(shellRequest("", { executable: path }));
  assertEquals(result, { kind: "failed", errno: "ENOENT", path: "/nonexistent/interpreter" });
});

Deno.test("spawnProcess() reports arguments beyond the kernel's limit", () => {
  // One string may have 128 KiB (MAX_ARG_STRLEN).
  const result = spawnProcess(shellRequest("x".repeat(1 << 20)));
  assertEquals(result, { kind: "failed", errno: "E2BIG", path: "/bin/sh" });
});

Deno.test("spawnProcess() throws for a source that is not open", () => {
  assertThrows(
    () => spawnProcess(shellRequest("", { descriptors: [{ fd: 0, source: 900 }] })),
    SystemError,
    "EBADF",
  );
});

Deno.test("spawnProcess() refuses text with a NUL", () => {
  assertThrows(() => spawnProcess(shellRequest("a\0b")), TypeError, "NUL");
});

Deno.test("spawnProcess() gives the child exactly its descriptors", async () => {
  // A descriptor of ours without close-on-exec is the one that would leak.
  const leaky = createPipe();
  const { text } = await outputOf({
    ...shellRequest(""),
    executable: "/bin/ls",
    argv: ["ls", "/proc/self/fd"],
    descriptors: [{ fd: 7, source: leaky.writeFd }],
  });
  closeFd(leaky.readFd);
  closeFd(leaky.writeFd);
  // 3 is the directory that ls itself has opened.
  assertEquals(text.trim().split("\n"), ["0", "1", "2", "3", "7"]);
});

Deno.test("spawnProcess() moves descriptors right when sources and targets cross", async () => {
  const a = createPipe();
  const b = createPipe();
  const nullFd = openNull();
  const { text } = await outputOf(shellRequest(
    `for fd in ${a.writeFd} ${b.writeFd} 9; do readlink /proc/$$/fd/$fd; done`,
    {
      descriptors: [
        { fd: a.writeFd, source: b.writeFd },
        { fd: b.writeFd, source: a.writeFd },
        { fd: 9, source: nullFd },
      ],
    },
  ));
  const name = (fd: number) => Deno.readLinkSync(`/proc/self/fd/${fd}`);
  assertEquals(text.trim().split("\n"), [name(b.writeFd), name(a.writeFd), "/dev/null"]);
  for (const fd of [a.readFd, a.writeFd, b.readFd, b.writeFd, nullFd]) closeFd(fd);
});

Deno.test("spawnProcess() passes on a descriptor at its own number", async () => {
  const pipe = createPipe();
  const { text } = await outputOf(shellRequest(`readlink /proc/$$/fd/${pipe.writeFd}`, {
    descriptors: [{ fd: pipe.writeFd, source: pipe.writeFd }],
  }));
  assertEquals(text.trim(), Deno.readLinkSync(`/proc/self/fd/${pipe.writeFd}`));
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
});

Deno.test("spawnProcess() gives environment, directory and umask and nothing else", async () => {
  const own = Deno.umask();
  const { text } = await outputOf({
    ...shellRequest(""),
    executable: "/usr/bin/env",
    argv: ["env", "sh", "-c", "pwd; umask; env"],
    cwd: "/tmp",
    env: [["PATH", "/usr/bin:/bin"], ["TEXT", "ä = ö\nline"]],
    umask: 0o027,
  });
  const lines = text.trim().split("\n").sort();
  assertEquals(lines, ["/tmp", "0027", "PATH=/usr/bin:/bin", "PWD=/tmp", "TEXT=ä = ö", "line"]);
  assertEquals(Deno.umask(), own);
});

Deno.test("Spawner.spawn() gives each start its own environment, descriptors and mark", async () => {
  using spawner = new Spawner({
    ...shellRequest("echo $FIXED $OWN $MORE; grep locks /proc/self/limits"),
    env: [["PATH", "/usr/bin:/bin"], ["FIXED", "always"]],
  });
  const before = openDescriptors();
  const starts: [string, [string, string][], bigint | null][] = [
    ["always one", [["OWN", "one"]], 123_456_789n],
    ["always two three", [["OWN", "two"], ["MORE", "three"]], 987_654_321n],
    ["always", [], null],
    ["always one", [["OWN", "one"]], null],
  ];
  for (const [words, env, mark] of starts) {
    // Another pipe each time; with the second its number differs from the last one's.
    const extra = words.endsWith("three") ? openNull() : null;
    const { readFd: from, writeFd: to } = createPipe();
    const started = spawner.spawn({ env, mark, descriptors: [{ fd: 1, source: to }] });
    closeFd(to);
    assert(started.kind === "spawned");
    await ended(started);
    const buffer = new Uint8Array(4096);
    const count = readFd(from, buffer);
    const text = new TextDecoder().decode(buffer.subarray(0, Number(count)));
    closeFd(from);
    if (extra !== null) closeFd(extra);
    assertEquals(text.split("\n")[0], words);
    assertEquals(/\b(123456789|987654321)\b/.exec(text)?.[1] ?? null, mark?.toString() ?? null);
  }
  assertEquals(openDescriptors(), before);
});

Deno.test("spawnProcess() starts a session with default signals and an empty mask", async () => {
  const { text } = await outputOf(shellRequest("grep -E '^Sig(Blk|Ign)' /proc/self/status"));
  assertEquals(text, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  const child = mustSpawn(shellRequest("sleep 30"));
  const stat = processStat(child.pid);
  assertEquals([stat?.session, stat?.pgrp], [child.pid, child.pid]);
  sendSignal(-child.pid, 9);
  await ended(child);
});

Deno.test("spawnProcess() leaves the sources open and opens only the pidfd", async () => {
  const before = openDescriptors();
  const child = mustSpawn(shellRequest("exit 7"));
  assertEquals(openDescriptors(), before + 1);
  const exit = await ended(child);
  assertEquals(exit.reason, { kind: "code", code: 7, cause: null });
  assertEquals(openDescriptors(), before);
});

Deno.test("spawnProcess() and reap() leave nothing behind in 2,000 runs", async () => {
  // In a process of its own, whose memory and children are its own.
  const path = (name: string) => new URL(`../../../${name}`, import.meta.url);
  const script = `
    import { ended, mustSpawn, openDescriptors, shellRequest } from "${
    path("tests/process/support/harness.ts")
  }";
    import { openNull } from "${path("src/os/pipe.ts")}";
    import { processStat } from "${path("src/process/tree.ts")}";
    const nullFd = openNull();
    const request = {
      ...shellRequest(""),
      executable: "/bin/true",
      argv: ["true"],
      descriptors: [0, 1, 2].map((fd) => ({ fd, source: nullFd })),
    };
    const rounds = async (count) => {
      for (let round = 0; round < count; round++) await ended(mustSpawn(request));
    };
    // All that is not in use is collected: when V8 would do so by itself is its own affair.
    const measure = () => {
      gc();
      const children = Deno.readTextFileSync(\`/proc/self/task/\${Deno.pid}/children\`).trim();
      const zombies = children.split(" ").filter((pid) => processStat(Number(pid))?.state === "Z");
      return [openDescriptors(), zombies.length, Deno.memoryUsage().rss];
    };
    await rounds(500);
    const before = measure();
    await rounds(1500);
    console.log(JSON.stringify([before, measure()]));
  `;
  const output = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--v8-flags=--expose-gc", script],
    stderr: "inherit",
  }).output();
  const [before, after] = JSON.parse(new TextDecoder().decode(output.stdout));
  assertEquals(after.slice(0, 2), [before[0], 0]);
  // A leak of 4 KiB a spawn would show as 6 MiB.
  assert(after[2] - before[2] < 4 << 20, `resident memory grew from ${before[2]} to ${after[2]}`);
});

Deno.test("spawnProcess() reports a full descriptor table and leaves no child behind", async () => {
  // In a process of its own, because the limit is the whole process's.
  const script = `
    import { spawnProcess } from "${new URL("../../../src/process/spawn.ts", import.meta.url)}";
    import { openNull } from "${new URL("../../../src/os/pipe.ts", import.meta.url)}";
    const request = { executable: "/bin/sleep", argv: ["sleep", "30"], cwd: "/", env: [],
      umask: 0o022, descriptors: [] };
    try { for (;;) openNull(); } catch { /* full */ }
    console.log(JSON.stringify(spawnProcess(request)));
  `;
  const output = await new Deno.Command("/bin/sh", {
    args: ["-c", 'ulimit -n 64; exec "$@"', "sh", Deno.execPath(), "eval", script],
    stderr: "inherit",
  }).output();
  const result = JSON.parse(new TextDecoder().decode(output.stdout));
  assertEquals([result.kind, result.errno], ["failed", "EMFILE"]);
  const pid = Number(/\d+/.exec(result.path)?.[0]);
  await until("no child left", () => processStat(pid) === null);
});
