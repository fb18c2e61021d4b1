/** The Python client, run by python3: 4 is read, 5 is written, as for the Deno client. */
import { assertEquals, assertStringIncludes } from "@std/assert";

const CLIENT = new URL("../../clients/python", import.meta.url).pathname;
const limits = { capacityBytes: 65_536 };
const LINKS = {
  version: 1,
  process: "me",
  links: [
    { name: "frames", port: "in", kind: "pipe", direction: "read", fd: 4, limits },
    { name: "poses", port: "out", kind: "pipe", direction: "write", fd: 5, limits },
  ],
};

interface RunOptions {
  /** Shell text whose output is descriptor 4. */
  readonly feed?: string;
  /** Shell text that reads descriptor 5. */
  readonly sink?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly out: string;
  readonly stderr: string;
}

/** Runs `body` after `from coxswain import *`; `say` prints to stderr. */
async function runPython(body: string, options: RunOptions = {}): Promise<Outcome> {
  const { feed = ":", sink = "cat", env = { COX_LINKS: JSON.stringify(LINKS) } } = options;
  const program = "import os, sys, signal\nimport coxswain\nfrom coxswain import *\n" +
    "def say(*args): print(*args, file=sys.stderr, flush=True)\n" + body;
  const script = `{ ${feed}; } | "$@" 4<&0 5>&1 0</dev/null 1>&2 | { ${sink}; }`;
  const { stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", script, "sh", "python3", "-c", program],
    clearEnv: true,
    env: { PATH: "/usr/bin:/bin", PYTHONPATH: CLIENT, PYTHONDONTWRITEBYTECODE: "1", ...env },
  }).output();
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { out: decode(stdout), stderr: decode(stderr) };
}

Deno.test("coxswain.py connects by port and by channel, and carries lines", async () => {
  const outcome = await runPython(
    `
say([link["port"] for link in links()], is_supervised())
with connect("poses") as out:
    for line in connect("in").lines():
        out.send_line(line.upper())
`,
    { feed: "printf 'a\\n\\nc\\n'" },
  );
  assertEquals(outcome, { out: "A\n\nC\n", stderr: "['in', 'out'] True\n" });
});

Deno.test("coxswain.py carries NDJSON, frames and bytes", async () => {
  const json = await runPython(
    `for value in connect("in").ndjson(): say(value["n"])
connect("out").send_ndjson({"a": [1, None]})`,
    { feed: `printf '{"n":1}\\n\\n{"n":4}\\n'` },
  );
  assertEquals(json, { out: '{"a":[1,null]}\n', stderr: "1\n4\n" });
  const frames = await runPython(
    `
out = connect("out")
for frame in connect("in").frames(): out.send_frame(frame[::-1])
`,
    { feed: `printf '\\000\\000\\000\\002hi\\000\\000\\000\\000'`, sink: "od -An -c" },
  );
  assertEquals(frames.out.trim().split(/\s+/).join(" "), "\\0 \\0 \\0 002 i h \\0 \\0 \\0 \\0");
  const bytes = await runPython(
    `
out, source = connect("out"), connect("in")
while True:
    chunk = source.read()
    if not chunk: break
    out.write(chunk)
`,
    { feed: "head -c 1000000 /dev/zero", sink: "wc -c" },
  );
  assertEquals(bytes, { out: "1000000\n", stderr: "" });
});

const HEAD = `
def bad(error): say("%s@%d:%d" % (error.fault, error.index, error.byte_offset))
source = connect("in")
`;

Deno.test("coxswain.py takes the largest message, and skips one byte more", async () => {
  const lines = await runPython(
    `${HEAD}for line in source.lines(3, bad): say(repr(line))`,
    { feed: "printf '1234\\n123\\n\\n'; head -c 300000 /dev/zero; printf '\\n12\\n12345'" },
  );
  assertEquals(lines.stderr.split("\n"), [
    "too-long@1:0",
    "'123'",
    "''",
    "too-long@4:10",
    "'12'",
    "too-long@6:300014",
    "",
  ]);
  const frames = await runPython(
    `${HEAD}for frame in source.frames(3, bad): say(frame)`,
    { feed: `printf '\\000\\000\\000\\0041234\\000\\000\\000\\003abc\\377\\377\\377\\377abc'` },
  );
  assertEquals(frames.stderr, "too-long@1:0\nb'abc'\ntoo-long@3:15\n");
});

Deno.test("coxswain.py tells a message that was cut off at any byte from a whole one", async () => {
  const formats = [
    ["lines", "ab\\n", "xyz\\n", "ab", 3, 4],
    ["ndjson", "[1]\\n", "[22]\\n", "[1]", 4, 5],
    ["frames", "\\000\\000\\000\\001x", "\\000\\000\\000\\002yz", "b'x'", 5, 6],
  ] as const;
  for (const [format, whole, cut, seen, wholeBytes, cutBytes] of formats) {
    for (let bytes = 0; bytes < cutBytes; bytes++) {
      const { stderr } = await runPython(
        `${HEAD}for message in source.${format}(64, bad): say(message)`,
        { feed: `printf '${whole}'; printf '${cut}' | head -c ${bytes}` },
      );
      const rest = bytes === 0 ? "" : `unfinished@2:${wholeBytes}\n`;
      assertEquals(stderr, `${seen}\n${rest}`, `${format} after ${bytes} bytes`);
    }
  }
});

Deno.test("coxswain.py raises or skips what is malformed, and refuses what would not come back", async () => {
  const feed = "printf '1\\noops\\n\\377\\nNaN\\n4\\n'";
  const skipped = await runPython(
    `${HEAD}for value in source.ndjson(64, bad): say(value)`,
    { feed },
  );
  assertEquals(skipped.stderr, "1\nnot-json@2:2\nnot-utf8@3:7\nnot-json@4:9\n4\n");
  const raised = await runPython(
    `
try:
    for value in connect("in").ndjson(): say(value)
except MessageError as error: say(error)
out = connect("out")
for attempt in (lambda: out.send_line("a\\nb"), lambda: out.send_ndjson(float("nan"))):
    try: attempt(); say("sent")
    except ValueError as error: say("refused")
`,
    { feed },
  );
  assertEquals(raised.stderr, "1\nMessage 2 (byte 2) must be JSON\nrefused\nrefused\n");
});

Deno.test("coxswain.py keeps its links out of programs that it starts", async () => {
  const { stderr } = await runPython(`
def show():
    pid = os.fork()
    if pid == 0:
        script = 'for fd in 4 5; do [ -e /proc/self/fd/$fd ] && echo $fd; done >&2'
        os.execvp("sh", ["sh", "-c", script])
    os.waitpid(pid, 0)
    say("-")
show()
connect("in"), connect("out")
show()
`);
  assertEquals(stderr, "4\n5\n-\n-\n");
});

Deno.test("coxswain.py refuses unknown names, a second owner, the wrong direction, no descriptor", async () => {
  const elsewhere = { ...LINKS.links[0], port: "elsewhere", fd: 0 };
  const gone = { ...LINKS.links[0], port: "gone", fd: 63 };
  const value = { ...LINKS, links: [...LINKS.links, elsewhere, gone] };
  const outcome = await runPython(
    `
def attempt(f):
    try: f(); say("accepted")
    except Exception as error: say(type(error).__name__, error)
attempt(lambda: connect("frmes"))
attempt(lambda: connect("elsewhere"))
attempt(lambda: connect("gone"))
source = connect("in")
attempt(lambda: connect("in"))
attempt(lambda: source.write(b"x"))
attempt(lambda: connect("out").read())
attempt(lambda: next(source.lines(0)))
source.close()
attempt(lambda: source.read())
`,
    { env: { COX_LINKS: JSON.stringify(value) } },
  );
  const lines = outcome.stderr.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.split(" ")[0]), [
    "LookupError",
    "OSError",
    "OSError",
    "ValueError",
    "ValueError",
    "ValueError",
    "ValueError",
    "ValueError",
  ]);
  assertStringIncludes(lines[0]!, '"in" (channel "frames"), "out" (channel "poses")');
  assertStringIncludes(lines[1]!, "descriptor 0 is no pipe");
});

Deno.test("coxswain.py by hand says how to run the program", async () => {
  const { stderr } = await runPython(
    `
for call in (lambda: connect("in"), ready):
    try: call()
    except NotSupervisedError as error: say(error)
say(is_supervised())
`,
    { env: {} },
  );
  assertStringIncludes(stderr, "run `cox up`");
  assertStringIncludes(stderr, '`ready: { by: "notify" }`');
  assertStringIncludes(stderr, "False");
});

Deno.test("coxswain.py stops at a broken pipe and at a version that it does not know", async () => {
  const broken = await runPython(
    `
out = connect("out")
try:
    while True: out.write(b"x" * 65536)
except BrokenPipeError: say("broken")
`,
    { sink: "true" },
  );
  assertEquals(broken.stderr, "broken\n");
  const version = await runPython(
    `
try: links()
except NotSupervisedError as error: say(error)
`,
    { env: { COX_LINKS: JSON.stringify({ ...LINKS, version: 2 }) } },
  );
  assertEquals(version.stderr, "COX_LINKS is of version 2, known is 1\n");
});

Deno.test("coxswain.py speaks sd_notify to a socket by path and by abstract name", async () => {
  const { stderr } = await runPython(
    `
import socket, tempfile
with tempfile.TemporaryDirectory() as folder:
    for path, address in ((folder + "/s", folder + "/s"), ("@" + folder, "\\0" + folder)):
        server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        server.bind(address)
        os.environ["NOTIFY_SOCKET"] = path
        ready(); status("50 Hz"); stopping(); reloading(); watchdog(); extend_timeout(1.5)
        say([server.recv(4096).decode() for _ in range(6)])
    for text in ("a\\nREADY=1", "x" * 4090):
        try: status(text); say("accepted")
        except ValueError: say("refused")
    for ms in (0, 864000001):
        try: extend_timeout(ms); say("accepted")
        except ValueError: say("refused")
`,
    { env: {} },
  );
  const messages = "['READY=1', 'STATUS=50 Hz', 'STOPPING=1', 'RELOADING=1', 'WATCHDOG=1', " +
    "'EXTEND_TIMEOUT_USEC=1500']\n";
  assertEquals(stderr, messages.repeat(2) + "refused\n".repeat(4));
});

/** The variable of a relayed pipe with this framing. */
function relayedEnv(framing: string, maxMessageBytes: number): Record<string, string> {
  const links = LINKS.links.map((link) => ({
    ...link,
    framing,
    limits: { ...limits, maxMessageBytes },
  }));
  return { COX_LINKS: JSON.stringify({ ...LINKS, links }) };
}

Deno.test("coxswain.py speaks the channel's framing, and no other", async () => {
  const outcome = await runPython(
    `
source, out = connect("in"), connect("out")
for attempt in (source.lines, source.frames, lambda: out.send_line("x"), lambda: out.send_frame(b"")):
    try: attempt(); say("accepted")
    except ValueError as error: say(error)
for value in source.messages(): out.send(value["n"])
`,
    { feed: `printf '{"n":1}\\n{"n":[2]}\\n'`, env: relayedEnv("ndjson", 100) },
  );
  const refused = (channel: string, framing: string) =>
    `Messages of channel "${channel}" are ndjson (the channel's framing), and not ${framing}\n`;
  assertEquals(outcome, {
    out: "1\n[2]\n",
    stderr: refused("frames", "lines") + refused("frames", "frames") + refused("poses", "lines") +
      refused("poses", "frames"),
  });
  const bytes = await runPython(
    `
try: connect("in").messages()
except ValueError as error: say(error)
`,
  );
  assertStringIncludes(bytes.stderr, 'Channel "frames" carries bytes: say what a message is');
});

Deno.test("coxswain.py takes the channel's largest message, and no larger one", async () => {
  const outcome = await runPython(
    `
source, out = connect("in"), connect("out")
for size in (3, 4):
    try: out.send(b"x" * size); say(size, "sent")
    except ValueError as error: say(error)
bad = lambda error: say(error.fault, error.index)
for frame in source.frames(max_frame_bytes=1000, on_bad_message=bad): say(frame)
`,
    {
      feed: `printf '\\000\\000\\000\\004long\\000\\000\\000\\003abc'`,
      sink: "od -An -c",
      env: relayedEnv("frames", 3),
    },
  );
  assertEquals(
    outcome.stderr,
    '3 sent\nA message on channel "poses" must be at most 3 bytes, is 4\n' +
      "too-long 1\nb'abc'\n",
  );
  assertEquals(outcome.out.trim().split(/\s+/).join(" "), "\\0 \\0 \\0 003 x x x");
});

Deno.test("coxswain.py dials by the channel's name, and says what it is a client of", async () => {
  const folder = await Deno.makeTempDir();
  const path = `${folder}/door`;
  const link = { name: "door", port: "door", kind: "listen", direction: "connect", fd: -1, path };
  const env = { COX_LINKS: JSON.stringify({ ...LINKS, links: [...LINKS.links, link] }) };
  const body = `
with dial("door", timeout=5) as door:
    door.sendall(b"hello")
    say(door.recv(100).decode())
for name in ("frames", "window"):
    try: dial(name)
    except LookupError as error: say(error)
os.remove(links()[-1]["path"])
try: dial("door")
except FileNotFoundError: say("gone")`;
  try {
    using server = Deno.listen({ transport: "unix", path });
    const serving = (async () => {
      using client = await server.accept();
      const buffer = new Uint8Array(100);
      const count = await client.read(buffer);
      await client.write(buffer.subarray(0, count ?? 0));
    })();
    const { stderr } = await runPython(body, { env });
    await serving;
    assertEquals(stderr.split("\n"), [
      "hello",
      'Cannot dial "frames": this process is a client of "door"',
      'Cannot dial "window": this process is a client of "door"',
      "gone",
      "",
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  const none = await runPython(`
try: dial("door")
except LookupError as error: say(error)`);
  assertStringIncludes(none.stderr, "is a client of no listener");
});
