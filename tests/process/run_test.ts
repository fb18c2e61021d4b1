/** `cox run`: one program alone, with what is at the other end of its ports. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/crew.ts";
import { livingWith, uniqueSeconds } from "./support/harness.ts";
import { makePlace } from "./support/run_place.ts";

const MOD = JSON.stringify(new URL("../../src/child/mod.ts", import.meta.url).href);

const ECHO = `
import { connect, ready } from ${MOD};
const link = connect("talk", { as: "lines" });
await ready();
for await (const line of link) link.send("got " + line);
await link.end();
`;

Deno.test("the command that connect() prints without a supervisor runs as printed", async () => {
  using place = makePlace({ "it's me.ts": ECHO });
  const alone = await place.run(`deno run --no-prompt "it's me.ts" "an argument"`);
  assertEquals(alone.code, 1);
  const line = /^ {2}(cox run .*)$/m.exec(alone.err)?.[1];
  assert(line !== undefined, alone.err);
  assertStringIncludes(line, "--port talk=-");
  const { code, out, err } = await place.run(line, "one\ntwo\n");
  assertEquals({ code, out, err }, { code: 0, out: "got one\ngot two\n", err: "" });
});

Deno.test("the command that ready() prints runs as printed, and so does that of listener()", async () => {
  using place = makePlace({
    "ready.ts": `import { ready } from ${MOD}; await ready(); console.log("is ready");`,
    "door.ts": `
import { listener } from ${MOD};
for await (const client of listener("door").accept()) {
  const writer = client.writable.getWriter();
  await writer.write(new TextEncoder().encode("in"));
  await writer.close();
  Deno.exit(7);
}`,
  });
  const line = (text: string) => /^ {2}(cox run .*)$/m.exec(text)![1]!;
  const alone = await place.run("deno run --no-prompt ready.ts");
  assertEquals((await place.run(line(alone.err))).out, "is ready\n");
  const door = line((await place.run("deno run --no-prompt door.ts")).err);
  assertStringIncludes(door, "--port door=listen:8080 ");
  // The port may be taken here: on a path instead.
  const child = place.start(door.replace("listen:8080", "listen:./door"));
  const connected = await eventuallyConnected(`${place.path}/door`);
  const buffer = new Uint8Array(10);
  const count = await connected.read(buffer);
  assertEquals(new TextDecoder().decode(buffer.subarray(0, count ?? 0)), "in");
  connected.close();
  await child.stdin.close();
  assertEquals((await child.output()).code, 7);
  const left = [...Deno.readDirSync(place.path)].map(({ name }) => name);
  assert(!left.includes("door"), "the socket's file is removed");
});

async function eventuallyConnected(path: string): Promise<Deno.UnixConn> {
  let connected: Deno.UnixConn | null = null;
  await eventually("it listens", async () => {
    connected = await Deno.connect({ transport: "unix", path }).catch(() => null);
    return connected !== null;
  });
  return connected!;
}

Deno.test("ports lead to files and commands; grants, variables, arguments and the code are passed", async () => {
  using place = makePlace({
    "data.ndjson": '{"a":1}\n{"a":2}\n',
    "secret.txt": "granted",
    "stage.ts": `
import { connect } from ${MOD};
const rows = connect("rows", { as: "ndjson" });
const more = connect("more", { as: "lines" });
await using sums = connect("sums", { as: "lines" });
await using shout = connect("shout", { as: "lines" });
let sum = 0;
for await (const { a } of rows) sum += a;
sums.send("sum " + sum);
for await (const line of more) shout.send("heard " + line);
console.log(Deno.args.join(), Deno.readTextFileSync("secret.txt"), Deno.env.get("NAME"));
const denied = await Deno.permissions.query({ name: "read", path: "data.ndjson" });
console.log(denied.state);
Deno.exitCode = 5;
`,
  });
  const { code, out, err } = await place.run(
    `cox run --port 'rows=<data.ndjson' --port 'more=<|echo one; echo two' \\
      --port 'sums=>sums.txt' --port 'shout=>|tr a-z A-Z > shout.txt' \\
      --allow read=./secret.txt --allow env=NAME --env NAME=value -- ./stage.ts --x y`,
  );
  assertEquals(err, "");
  assertEquals({ code, out }, { code: 5, out: "--x,y granted value\nprompt\n" });
  const text = (name: string) => Deno.readTextFileSync(`${place.path}/${name}`);
  assertEquals([text("sums.txt"), text("shout.txt")], ["sum 3\n", "HEARD ONE\nHEARD TWO\n"]);
});

Deno.test("a command has its streams and ports; a signal is passed on and nothing stays", async () => {
  using place = makePlace({});
  const { code, out } = await place.run(
    `cox run --port 'extra=<|echo from a port' -- sh -c 'cat; cat <&4; exit 3'`,
    "from stdin\n",
  );
  assertEquals({ code, out }, { code: 3, out: "from stdin\nfrom a port\n" });
  const mark = uniqueSeconds();
  const child = place.start(`exec cox run --port 'in=<|sleep ${mark}' -- sleep ${mark}`);
  // The same words are on the command line of cox.
  const sleepers = () => livingWith(`sleep\0${mark}`).filter((pid) => pid !== child.pid);
  await eventually("both sleep", () => sleepers().length === 2);
  child.kill("SIGTERM");
  await child.stdin.close();
  assertEquals((await child.output()).code, 128 + 15);
  assertEquals(livingWith(mark), []);
});

Deno.test("cox run refuses what it does not understand", async () => {
  using place = makePlace({ "p.ts": "" });
  const cases = [
    ["cox run --port x p.ts", "Option --port must be NAME=-"],
    ["cox run --port stdin=- p.ts", "stdin is this terminal's already"],
    ["cox run --port a=- --port b=- p.ts", "Only one --port can be this terminal"],
    ["cox run --port a=- --port 'a=<p.ts' p.ts", 'names "a" twice'],
    ["cox run --port 'a=<none' p.ts", "Cannot read"],
    ["cox run --port 'a=<.' p.ts", "for --port a: it is a folder"],
    ["cox run --allow all=1 p.ts", "Option --allow must be KIND=LIST"],
    ["cox run --allow read=. ls", "is for Deno programs"],
    ["cox run none.ts", "there is no file"],
    ["cox run --config x p.ts", "reads no configuration"],
    ["cox run", "takes PROGRAM"],
  ] as const;
  for (const [line, text] of cases) {
    const { code, err } = await place.run(line);
    assertEquals(code, 100, `${line}: ${err}`);
    assertStringIncludes(err, text, line);
  }
});

Deno.test("a file that is not read or written to its end is told, and is no success", async () => {
  using place = makePlace({});
  for (
    const [port, program, told] of [
      ["stdout=>none/f", "echo hi", "none/f was written"],
      ["stdout=>/dev/full", "echo hi", "/dev/full was written"],
      // Nobody in a session of its own has a terminal.
      ["stdin=</dev/tty", "cat", "/dev/tty was read"],
    ]
  ) {
    const { code, out, err } = await place.run(`cox run --port '${port}' -- ${program}`);
    assertEquals([code, out], [111, ""], err);
    assert(err.trimEnd().endsWith(told!) && err.includes("cox: Not all of /"), err);
  }
  // Who takes but a part of it has no need of the rest.
  Deno.writeTextFileSync(`${place.path}/long`, "a line\n".repeat(100_000));
  const part = await place.run(`cox run --port 'stdin=<long' -- head -n 1`);
  assertEquals(part, { code: 0, out: "a line\n", err: "" });
});

Deno.test("a named pipe is opened by nobody but its reader", async () => {
  using place = makePlace({});
  const line = "mkfifo pipe; echo hi > pipe & timeout 20 cox run --port 'stdin=<pipe' -- cat";
  assertEquals(await place.run(line), { code: 0, out: "hi\n", err: "" });
});

Deno.test("a socket's file goes too when another port cannot be had", async () => {
  using place = makePlace({});
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { code, err } = await place.run(
    `cox run --port door=listen:./door --port b=listen:${taken.addr.port} -- true`,
  );
  assertEquals(code, 111, err);
  assertStringIncludes(err, 'cox: Cannot make "b": bind');
  const left = [...Deno.readDirSync(place.path)].map(({ name }) => name);
  assertEquals(left, ["bin"]);
});

Deno.test("cox run joins a port and a command of the shell by a pair of any type", async () => {
  using place = makePlace({
    "talk.ts": ECHO,
    "packets.ts": `
import { packets } from ${MOD};
const talk = packets("talk");
const answers = talk.receive();
const sizes = [];
for (const size of [1, 4000, 60000]) {
  talk.send(new Uint8Array(size));
  const { value } = await answers.next();
  sizes.push(value.length);
}
console.log(sizes.join());
talk.close();`,
  });
  const { code, out, err } = await place.run(
    `cox run talk.ts --port 'talk=<>|echo one; read a; echo "$a, two"; read b; echo "$b" > said'`,
  );
  assertEquals({ code, out, err }, { code: 0, out: "", err: "" });
  assertEquals(Deno.readTextFileSync(`${place.path}/said`), "got got one, two\n");
  for (const type of ["seqpacket", "datagram"]) {
    const echoed = await place.run(`cox run packets.ts --port 'talk=${type}|cat'`);
    assertEquals(echoed, { code: 0, out: "1,4000,60000\n", err: "" });
  }
  const line = /^ {2}(cox run .*)$/m.exec(
    (await place.run("deno run --no-prompt packets.ts")).err,
  )![1]!;
  assertEquals((await place.run(line)).out, "1,4000,60000\n");
});
