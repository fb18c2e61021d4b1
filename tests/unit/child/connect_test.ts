/**
 * `connect()` in Deno processes of their own: no permission, descriptors from `sh`, which is
 * what an exec chain leaves as well. 4 is read, 5 is written.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

const MOD = new URL("../../../src/child/mod.ts", import.meta.url).href;
const INPUT = { name: "frames", port: "in", kind: "pipe", direction: "read", fd: 4 };
const OUTPUT = { name: "poses", port: "out", kind: "pipe", direction: "write", fd: 5 };
const limits = { capacityBytes: 65_536 };
const LINKS = {
  version: 1,
  process: "me",
  notifyFd: null,
  links: [{ ...INPUT, limits }, { ...OUTPUT, limits }],
};

interface Outcome {
  /** What came out of descriptor 5. */
  readonly out: string;
  readonly stderr: string;
  readonly code: number;
}

interface RunOptions {
  /** Shell text before the child, whose output is its descriptor 4. */
  readonly feed?: string;
  /** Shell text that reads descriptor 5. */
  readonly sink?: string;
  /** null: no preload. */
  readonly links?: unknown;
  readonly flags?: readonly string[];
  readonly env?: Record<string, string>;
}

/** Shell text: waits for the flag, 30 s at most. */
const untilFlag = 'for _ in $(seq 3000); do [ -e "$FLAG" ] && break; sleep 0.01; done';

/** Runs `body` as a program; `feed | child | sink`. */
async function runChild(body: string, options: RunOptions = {}): Promise<Outcome> {
  const { feed = ":", sink = "cat", links = LINKS, flags = [], env = {} } = options;
  const argv = [Deno.execPath(), "run", "--no-prompt", "--no-config", ...flags];
  if (links !== null) {
    const preload = `globalThis[Symbol.for("coxswain.links")] = ${JSON.stringify(links)};`;
    argv.push(`--preload=data:text/javascript,${encodeURIComponent(preload)}`);
  }
  const program = `import * as child from ${JSON.stringify(MOD)};
    const { connect } = child;
    const say = (...args) => console.error(...args);
    ${body}`;
  argv.push(`data:text/javascript,${encodeURIComponent(program)}`);
  // Its existence tells `feed` to go on.
  const flag = `${await Deno.makeTempDir({ prefix: "cox-connect-" })}/flag`;
  const script =
    `{ ${feed}; } | { "$@" 4<&0 5>&1 0</dev/null 1>&2; echo "code $?" >&2; touch "$FLAG"; } | { ${sink}; }`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "sh", ...argv],
    env: { NO_COLOR: "1", FLAG: flag, ...env },
  }).output();
  await Deno.remove(flag.slice(0, -"/flag".length), { recursive: true });
  const text = new TextDecoder().decode(stderr);
  const code = Number(/code (\d+)\n$/.exec(text)?.[1]);
  return { out: new TextDecoder().decode(stdout), stderr: text.replace(/code \d+\n$/, ""), code };
}

Deno.test("connect() finds a link by port and by channel, without permission", async () => {
  const outcome = await runChild(
    `
    const input = connect("in", { as: "lines" });
    await using output = connect("poses", { as: "lines" });
    say(input.info.name, output.info.port, child.links().length);
    for await (const line of input) say(output.send(line.toUpperCase()).kind);
  `,
    { feed: "printf 'a\\nb\\n'" },
  );
  assertEquals(outcome, { out: "A\nB\n", stderr: "frames out 2\nsent\nsent\n", code: 0 });
});

Deno.test("connect() carries bytes, NDJSON and frames", async () => {
  const bytes = await runChild(
    `
    const out = connect("out");
    for await (const chunk of connect("in")) out.send(chunk);
    await out.end();
  `,
    { feed: "head -c 300000 /dev/zero", sink: "wc -c" },
  );
  assertEquals([bytes.out.trim(), bytes.code], ["300000", 0]);
  const json = await runChild(
    `
    using out = connect("out", { as: "ndjson" });
    for await (const { n } of connect("in", { as: "ndjson" })) out.send({ twice: 2 * n });
  `,
    { feed: `printf '{"n":1}\\n\\n{"n":4}\\n'` },
  );
  assertEquals(json, { out: '{"twice":2}\n{"twice":8}\n', stderr: "", code: 0 });
  const frames = await runChild(
    `
    using out = connect("out", { as: "frames" });
    for await (const frame of connect("in", { as: "frames" })) out.send(frame.reverse());
  `,
    { feed: `printf '\\000\\000\\000\\002hi\\000\\000\\000\\000'`, sink: "od -An -c" },
  );
  assertEquals(frames.out.trim().split(/\s+/).join(" "), "\\0 \\0 \\0 002 i h \\0 \\0 \\0 \\0");
});

Deno.test("send() takes as much as the buffer holds, gives the next one back, and drained() makes room", async () => {
  const outcome = await runChild(
    `
    const out = connect("out", { as: "frames", maxFrameBytes: 996, bufferBytesMax: 100000 });
    const frame = new Uint8Array(996);
    const kinds = [];
    for (let n = 0; n < 101; n++) kinds.push(out.send(frame));
    const full = kinds.filter(({ kind }) => kind === "full");
    say(kinds.findIndex(({ kind }) => kind === "full"), full.length, full[0].value === frame);
    await out.drained();
    say(out.send(frame).kind);
    await out.end();
    say(out.send(frame).kind, out.send(frame).value === frame);
  `,
    { sink: "wc -c" },
  );
  assertEquals(outcome.stderr, "100 1 true\nsent\nclosed true\n");
  assertEquals(outcome.out.trim(), "101000");
});

Deno.test("send() says closed when nobody will ever read, and drained() how much was lost", async () => {
  const outcome = await runChild(
    `
    const out = connect("out", { as: "lines", bufferBytesMax: 1 << 21 });
    let kind;
    let error = null;
    for (let n = 0; n < 200 && error === null; n++) {
      kind = out.send("x".repeat(10000)).kind;
      await out.drained().catch((e) => { error = e; });
    }
    say(error instanceof child.LinkClosedError, error.unwrittenBytes, error.cause.code);
    say(out.send("y").kind);
  `,
    { sink: "true" },
  );
  assertEquals(outcome.stderr, "true 10001 EPIPE\nclosed\n");
});

Deno.test("receive() ends at the signal, keeps the link, and the next one misses nothing", async () => {
  const outcome = await runChild(
    `
    const input = connect("in", { as: "lines" });
    const seen = [];
    for await (const line of input) { seen.push(line); if (line === "2") break; }
    const stop = new AbortController();
    for await (const line of input.receive({ signal: stop.signal })) {
      seen.push(line);
      if (line === "4") setTimeout(() => stop.abort(), 1);
    }
    say("aborted", stop.signal.aborted);
    connect("out", { as: "lines" }).send("go on");
    for await (const line of input.receive({ signal: stop.signal })) seen.push("never");
    for await (const line of input) seen.push(line);
    say(seen.join());
  `,
    // The rest comes when the first iteration with a signal has ended without it.
    {
      feed: `printf '1\\n2\\n3\\n4\\n'; ${untilFlag}; printf '5\\n6\\n'`,
      sink: 'read -r line; touch "$FLAG"',
    },
  );
  assertEquals(outcome, { out: "", stderr: "aborted true\n1,2,3,4,5,6\n", code: 0 });
});

Deno.test("a link that nobody waits for does not keep the program alive", async () => {
  const outcome = await runChild(
    `
    const input = connect("in", { as: "lines" });
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 1);
    for await (const line of input.receive({ signal: stop.signal })) say(line);
    connect("out");
    say("end");
  `,
    // The input ends when the program has: one that waited for its input would wait in vain.
    { feed: `${untilFlag}; [ -e "$FLAG" ] && echo "ended first" >&2` },
  );
  assertEquals(outcome.stderr, "end\ncode 0\nended first\n");
});

Deno.test("a malformed message is thrown, or told to onBadMessage and skipped", async () => {
  const feed = "printf '1\\noops\\n3\\n4'";
  const thrown = await runChild(
    `
    try {
      for await (const value of connect("in", { as: "ndjson" })) say(value);
    } catch (error) { say(error instanceof child.MessageError, error.message); }
  `,
    { feed },
  );
  assertEquals(thrown.stderr, '1\ntrue Message 2 (byte 2) must be JSON, is "oops"\n');
  const skipped = await runChild(
    `
    const onBadMessage = (error) => say(error.fault, error.index);
    for await (const value of connect("in", { as: "ndjson", onBadMessage })) say(value);
  `,
    { feed },
  );
  assertEquals(skipped.stderr, "1\nnot-json 2\n3\nunfinished 4\n");
});

Deno.test("readable and writable are streams that end, and wait", async () => {
  const outcome = await runChild(
    `
    await connect("in", { bufferBytesMax: 65536 }).readable.pipeTo(
      connect("out", { bufferBytesMax: 65536 }).writable);
  `,
    { feed: "head -c 5000000 /dev/zero", sink: "sleep 0.2; wc -c" },
  );
  assertEquals([outcome.out.trim(), outcome.stderr, outcome.code], ["5000000", "", 0]);
});

Deno.test("connect() refuses unknown names, a second owner, the wrong direction, bad limits", async () => {
  const outcome = await runChild(`
    const attempt = (f) => { try { f(); say("accepted"); } catch (e) { say(e.name, e.message); } };
    attempt(() => connect("frmes"));
    attempt(() => connect("in", { as: "text" }));
    for (const max of [0, 1.5, 2 ** 30 + 1]) attempt(() => connect("in", { as: "frames", maxFrameBytes: max }));
    attempt(() => connect("in", { as: "frames", maxFrameBytes: 100, bufferBytesMax: 103 }));
    const input = connect("in", { as: "frames", maxFrameBytes: 100, bufferBytesMax: 104 });
    attempt(() => connect("frames"));
    attempt(() => input.send(new Uint8Array(1)));
    attempt(() => connect("out").receive());
  `);
  const limit = "maxFrameBytes must be a whole number from 1 to 2^30, is";
  assertEquals(outcome.stderr.trimEnd().split("\n"), [
    'RangeError Cannot call connect("frmes"): this process has the links "in" (channel "frames"), "out" (channel "poses")',
    'RangeError as must be "bytes", "lines", "ndjson" or "frames", is "text"',
    `RangeError ${limit} 0`,
    `RangeError ${limit} 1.5`,
    `RangeError ${limit} 1073741825`,
    "RangeError bufferBytesMax must be a whole number from 104 (one largest message) to 2^31, is 103",
    'TypeError Cannot call connect("frames"): it was taken before, and has one owner',
    'TypeError Cannot send on channel "frames": this process reads its port "in"',
    'TypeError Cannot receive from channel "poses": this process writes its port "out"',
  ]);
});

Deno.test("connect() by hand throws NotSupervisedError, which says how to run the program", async () => {
  const outcome = await runChild(
    `try { connect("in"); } catch (error) { say(error.name, error.reason, error.message); }`,
    { links: null },
  );
  assertStringIncludes(
    outcome.stderr,
    'NotSupervisedError no-supervisor Cannot call connect("in"): ',
  );
  assertStringIncludes(outcome.stderr, "run `cox up`");
});

Deno.test("connect() reads COX_LINKS where there is no preload and the variable may be read", async () => {
  const { notifyFd: _, ...value } = LINKS;
  const body = `
    try { say(connect("in").info.fd); } catch (error) { say(error.name); }`;
  const env = { COX_LINKS: JSON.stringify(value) };
  const granted = await runChild(body, { links: null, env, flags: ["--allow-env=COX_LINKS"] });
  assertEquals(granted.stderr, "4\n");
  assertEquals((await runChild(body, { links: null, env })).stderr, "NotSupervisedError\n");
});

Deno.test("connect() on standard streams delivers all and leaves the runtime's own usable", async () => {
  const links = {
    ...LINKS,
    links: [{ ...INPUT, fd: 0, port: "stdin", limits }, {
      ...OUTPUT,
      fd: 1,
      port: "stdout",
      limits,
    }],
  };
  const preload = `globalThis[Symbol.for("coxswain.links")] = ${JSON.stringify(links)};`;
  const program = `import { connect } from ${JSON.stringify(MOD)};
    {
      await using out = connect("stdout", { as: "lines" });
      for await (const line of connect("stdin", { as: "lines" })) out.send(line + "!");
    }
    console.error("still here");`;
  const url = (source: string) => `data:text/javascript,${encodeURIComponent(source)}`;
  const { stdout, stderr, code } = await new Deno.Command("sh", {
    args: [
      "-c",
      `seq 1 20000 | "$@" | tail -n 1`,
      "sh",
      Deno.execPath(),
      "run",
      "--no-prompt",
      "--no-config",
    ]
      .concat(`--preload=${url(preload)}`, url(program)),
    env: { NO_COLOR: "1" },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals([decode(stdout), decode(stderr), code], ["20000!\n", "still here\n", 0]);
  assert(code === 0);
});

/** The links of a relayed pipe with this framing. */
function relayedLinks(framing: string, maxMessageBytes: number): unknown {
  const more = { framing, limits: { ...limits, maxMessageBytes } };
  return { ...LINKS, links: [{ ...INPUT, ...more }, { ...OUTPUT, ...more }] };
}

Deno.test("connect() takes the channel's largest message, and no larger one", async () => {
  const body = (options: string) => `
    await using link = connect("out", ${options});
    for (const length of [5, 6, 7]) {
      try { say(length, link.send("x".repeat(length)).kind); } catch (e) { say(e.name, e.message); }
    }`;
  const links = relayedLinks("lines", 6);
  const tooLong = (max: number, length: number) =>
    `RangeError A message must be at most ${max} bytes, is ${length}`;
  const send = async (options: string) =>
    (await runChild(body(options), { links })).stderr.trimEnd().split("\n");
  assertEquals(await send(`{ as: "lines" }`), ["5 sent", "6 sent", tooLong(6, 7)]);
  assertEquals(await send(`{ as: "lines", maxLineBytes: 100 }`), [
    "5 sent",
    "6 sent",
    tooLong(6, 7),
  ]);
  assertEquals(await send(`{ as: "lines", maxLineBytes: 5 }`), [
    "5 sent",
    tooLong(5, 6),
    tooLong(5, 7),
  ]);
});

Deno.test("connect() without as takes the frames of a channel of frames", async () => {
  const outcome = await runChild(
    `await using out = connect("out");
     for await (const frame of connect("in")) out.send(frame.reverse());`,
    {
      feed: `printf '\\000\\000\\000\\002hi\\000\\000\\000\\000'`,
      sink: "od -An -c",
      links: relayedLinks("frames", 2),
    },
  );
  assertEquals(outcome.out.trim().split(/\s+/).join(" "), "\\0 \\0 \\0 002 i h \\0 \\0 \\0 \\0");
  assertEquals(outcome.code, 0, outcome.stderr);
});

Deno.test("connect() refuses another framing than the channel's, and leaves the link untaken", async () => {
  const refused = 'TypeError Cannot call connect("in"): its messages are';
  const attempts = async (framing: string, options: readonly string[]) => {
    const calls = options.map((each) => `attempt(() => connect("in", ${each}));`).join("\n");
    const outcome = await runChild(
      `const attempt = (f) => { try { f(); say("accepted"); } catch (e) { say(e.name, e.message); } };
       ${calls}`,
      { links: relayedLinks(framing, 100) },
    );
    return outcome.stderr.trimEnd().split("\n");
  };
  assertEquals(
    await attempts("lines", [`{ as: "ndjson" }`, `{ as: "bytes" }`, `{}`, `{ as: "lines" }`]),
    [
      `${refused} lines (the channel's framing), and not ndjson`,
      `${refused} lines (the channel's framing), and not bytes`,
      `${refused} lines; write { as: "lines" }`,
      "accepted",
    ],
  );
  assertEquals(await attempts("frames", [`{ as: "lines" }`, `{ as: "frames" }`]), [
    `${refused} frames (the channel's framing), and not lines`,
    "accepted",
  ]);
});
