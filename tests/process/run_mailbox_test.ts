/** `cox run` at the other end of a mailbox: lines become samples, and samples lines. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { eventually } from "../support/crew.ts";
import { livingWith, uniqueSeconds } from "./support/harness.ts";
import { makePlace } from "./support/run_place.ts";

const MOD = JSON.stringify(new URL("../../src/child/mod.ts", import.meta.url).href);
const PYTHON = new URL("../../clients/python", import.meta.url).pathname;
const SHAPE = "struct{t:f64;v:u8[3];id:i64;}";
const SCHEMA = 'struct({ t: "f64", v: ["u8", 3], id: "i64" })';

const CONSUMER = `
import { mailboxConsumer, struct } from ${MOD};
const samples = mailboxConsumer("in", { schema: ${SCHEMA} });
for await (const { sequence, fields, missed } of samples) {
  console.log(sequence, fields.t, fields.v.join(), fields.id, missed);
}
console.log("ended");
`;

const PRODUCER = `
import { mailboxProducer, struct } from ${MOD};
const samples = mailboxProducer("out", { schema: ${SCHEMA} });
for (let at = 0; at < Number(Deno.args[0]); at++) {
  const loan = samples.loan();
  if (loan.kind !== "loan") throw new Error("there was no room");
  loan.fields.t = at / 8;
  loan.fields.v.set([at, 1, 2]);
  loan.fields.id = -(10n ** 18n) * BigInt(at);
  samples.publish();
}
Deno.exitCode = Number(Deno.args[1] ?? 0);
`;

const BYTES = `
import { mailboxConsumer, mailboxProducer } from ${MOD};
const out = mailboxProducer("out");
for await (const sample of mailboxConsumer("in")) out.send(sample.bytes);
`;

const ECHO = `
import { mailboxConsumer } from ${MOD};
for await (const sample of mailboxConsumer(Deno.args[0])) console.log(sample.sequence);
`;

const ENDLESS = `
import { mailboxProducer, stopSignal } from ${MOD};
const samples = mailboxProducer(Deno.args[0]);
const stop = stopSignal();
while (!stop.aborted) {
  samples.send(new TextEncoder().encode("é"));
  await new Promise((resolve) => setTimeout(resolve, 1));
}
Deno.exitCode = 3;
`;

Deno.test("cox run feeds a consumer the lines of stdin, and a file, to the end of each", async () => {
  using place = makePlace({ "consumer.ts": CONSUMER });
  const lines = '{"t":1.5,"v":[1,2,255],"id":7}\n\n' +
    '{"id":"-9223372036854775808","v":[0,0,0],"t":"-Infinity"}\n';
  const out = "1 1.5 1,2,255 7n 0\n2 -Infinity 0,0,0 -9223372036854775808n 0\nended\n";
  const piped = await place.run(`cox run --port 'in=mailbox:${SHAPE}<-' consumer.ts`, lines);
  assertEquals(piped, { code: 0, out, err: "" });
  Deno.writeTextFileSync(`${place.path}/data.ndjson`, lines);
  const filed = await place.run(`cox run --port 'in=mailbox:${SHAPE}<data.ndjson' consumer.ts`);
  assertEquals(filed, { code: 0, out, err: "" });
});

Deno.test("what the program says alone runs as printed, for both ends of a mailbox", async () => {
  using place = makePlace({ "consumer.ts": CONSUMER, "producer.ts": PRODUCER });
  const printed = async (line: string) =>
    /^ {2}(cox run .*)$/m.exec((await place.run(`deno run --no-prompt ${line}`)).err)![1]!;
  const produced = await place.run(await printed("producer.ts 2"));
  const out = '{"sequence":1,"fields":{"t":0,"v":[0,1,2],"id":"0"}}\n' +
    '{"sequence":2,"fields":{"t":0.125,"v":[1,1,2],"id":"-1000000000000000000"}}\n';
  assertEquals(produced, { code: 0, out, err: "" });
  const consumed = await place.run(await printed("consumer.ts"), produced.out);
  const seen = "1 0 0,1,2 0n 0\n2 0.125 1,1,2 -1000000000000000000n 0\nended\n";
  assertEquals(consumed, { code: 0, out: seen, err: "" });
});

Deno.test("every sample becomes a line, whoever is slow, and the code is the program's", async () => {
  using place = makePlace({ "producer.ts": PRODUCER, "bytes.ts": BYTES });
  const slow = `--port 'out=mailbox:${SHAPE},slots=2>|sleep 0.2; cat > lines.ndjson'`;
  const { code, err } = await place.run(`cox run ${slow} producer.ts 20000 7`);
  assertEquals({ code, err }, { code: 7, err: "" });
  const lines = Deno.readTextFileSync(`${place.path}/lines.ndjson`).trimEnd().split("\n");
  assertEquals(lines.map((line) => JSON.parse(line).sequence), lines.map((_, at) => at + 1));
  assertEquals(lines.length, 20_000);
  const text = '"one é"\n{"base64":"/wA="}\n{"sequence":9,"text":""}\n';
  Deno.writeTextFileSync(`${place.path}/text`, text);
  const both = await place.run(
    "cox run --port 'in=mailbox:9B<|cat text' --port 'out=mailbox:9B>-' bytes.ts",
  );
  assertEquals(both, {
    code: 0,
    out:
      '{"sequence":1,"text":"one é"}\n{"sequence":2,"base64":"/wA="}\n{"sequence":3,"text":""}\n',
    err: "",
  });
});

Deno.test("a line that is no sample is told with its place, after what came before it", async () => {
  using place = makePlace({ "consumer.ts": CONSUMER });
  const good = '{"t":1,"v":[1,2,3],"id":4}\n';
  for (
    const [bad, told] of [
      [
        '{"t":1,"v":[1,2,300],"id":4}\n',
        'was refused: "v"[2] must be a whole number from 0 to 255',
      ],
      ["oops\n", 'must be JSON, is "oops"'],
      ['{"t":1', "has no line break"],
    ] as const
  ) {
    const { code, out, err } = await place.run(
      `cox run --port 'in=mailbox:${SHAPE}<-' consumer.ts`,
      good + bad,
    );
    assertEquals({ code, out }, { code: 100, out: "1 1 1,2,3 4n 0\nended\n" }, bad);
    assertStringIncludes(err, `cox: Cannot feed --port in: Line 2 (byte 27) ${told}`);
  }
});

Deno.test("cox run refuses a mailbox of which it cannot make sense, and where", async () => {
  using place = makePlace({ "p.ts": "" });
  for (
    const [how, text] of [
      ["in=mailbox:1KiB", "a mailbox must be mailbox:SHAPE and then <-"],
      ["in=mailbox:1KB<-", 'its samples must be a size such as "64KiB"'],
      ["in=mailbox:struct{t:f33;}<-", "field 1 of its struct must be NAME:TYPE"],
      ["in=mailbox:1KiB<none", "Cannot read"],
      ["stdin=mailbox:1KiB<-", "stdin is no port of a mailbox"],
      ["in=mailbox:32MiB,slots=1000<-", "the samples must take at most 4GiB"],
    ]
  ) {
    const { code, err } = await place.run(`cox run --port '${how}' p.ts`);
    assertEquals(code, 100, `${how}: ${err}`);
    assertStringIncludes(err, text!, how);
  }
});

Deno.test("Ctrl-C ends a program on mailboxes, and nothing of the run stays", async () => {
  using place = makePlace({
    "consumer.ts": `
import { mailboxConsumer, stopSignal } from ${MOD};
const samples = mailboxConsumer(Deno.args[0]).samples({ signal: stopSignal() });
for await (const { sequence } of samples) console.log("got", sequence);
Deno.exit(4);`,
  });
  const mark = uniqueSeconds();
  const port = `in-${mark.replace(".", "-")}`;
  const child = place.start(
    `exec cox run --port '${port}=mailbox:9B<|echo "\\"one\\""; sleep ${mark}' consumer.ts ${port}`,
  );
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  assertEquals(new TextDecoder().decode(value), "got 1\n");
  assert(livingWith(mark).length > 0 && livingWith(port).length > 0);
  child.kill("SIGINT");
  reader.releaseLock();
  await child.stdin.close();
  assertEquals((await child.output()).code, 4);
  await eventually(
    "nothing of it lives",
    () => [...livingWith(mark), ...livingWith(port)].length === 0,
  );
});

Deno.test("a second Ctrl-C kills a program on mailboxes that is deaf to the first", async () => {
  using place = makePlace({
    "deaf.ts": `
import { mailboxConsumer } from ${MOD};
Deno.addSignalListener("SIGINT", () => console.log("heard"));
console.log("listens");
for await (const _ of mailboxConsumer(Deno.args[0])) console.log("got one");`,
  });
  const port = `p${uniqueSeconds().replace(".", "-")}`;
  const child = place.start(`exec cox run --port '${port}=mailbox:9B<-' deaf.ts ${port}`);
  const reader = child.stdout.getReader();
  for (const line of ["listens\n", "heard\n"]) {
    assertEquals(new TextDecoder().decode((await reader.read()).value), line);
    child.kill("SIGINT");
  }
  reader.releaseLock();
  await child.stdin.close();
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [128 + 9, ""]);
  assertEquals(livingWith(port), []);
});

Deno.test("a producer without an end is stopped when who reads its lines has enough", async () => {
  using place = makePlace({ "endless.ts": ENDLESS });
  const first = '{"sequence":1,"text":"é"}\n';
  const piped = await place.run("cox run --port 'out=mailbox:2B>-' endless.ts out | head -n 1");
  assertEquals(piped, { code: 0, out: first, err: "" });
  const { code, err } = await place.run(
    "cox run --port 'out=mailbox:2B>|head -n 1 > first' endless.ts out",
  );
  assertEquals({ code, err }, { code: 3, err: "" });
  assertEquals(Deno.readTextFileSync(`${place.path}/first`), first);
});

Deno.test("a producer is stopped when its lines cannot be written, and that is no success", async () => {
  using place = makePlace({ "endless.ts": ENDLESS });
  for (
    const [where, told] of [[">/dev/full", "Not all of /dev/full was"], [
      ">- >/dev/full",
      "Cannot write what --port out has sent",
    ]]
  ) {
    const [how = "", redirection = ""] = where!.split(" ");
    const { code, err } = await place.run(
      `cox run --port 'out=mailbox:2B${how}' endless.ts out ${redirection}`,
    );
    assertEquals(code, 111, err);
    assertStringIncludes(err, `cox: ${told}`);
  }
});

Deno.test("a run in which feed or tell was killed says so, and is no success", async () => {
  using place = makePlace({ "echo.ts": ECHO, "endless.ts": ENDLESS });
  for (const [ours, how, program] of [["feed", "<-", "echo.ts"], ["tell", ">-", "endless.ts"]]) {
    const port = `p${uniqueSeconds().replace(".", "-")}`;
    const child = place.start(`exec cox run --port '${port}=mailbox:9B${how}' ${program} ${port}`);
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode('"one"\n'));
    const reader = child.stdout.getReader();
    assert((await reader.read()).value!.length > 0);
    reader.releaseLock();
    const [pid] = livingWith(port).filter((pid) =>
      Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes(`/src/system/samples/${ours}.ts`)
    );
    Deno.kill(pid!, "SIGKILL");
    const { code, stderr } = await child.output();
    await writer.close().catch(() => {});
    const text = new TextDecoder().decode(stderr);
    assertEquals(code, 111, text);
    assertStringIncludes(text, "The program's samples are not complete");
    assertEquals(livingWith(port), []);
  }
});

Deno.test("a command finds its ends of mailboxes in COX_LINKS", async () => {
  using place = makePlace({
    "double.py": `
from coxswain_mailbox import consumer, producer
out = producer("out")
for sample in consumer("in").samples():
    out.send(out.struct(t=2 * sample.fields().t))
    sample.release()
`,
  });
  const line = `cox run --env PYTHONPATH=${PYTHON} --env PYTHONDONTWRITEBYTECODE=1 ` +
    `--port 'in=mailbox:struct{t:f32;}<-' --port 'out=mailbox:struct{t:f32;}>-' -- ` +
    `/usr/bin/python3 double.py`;
  const { code, out, err } = await place.run(line, '{"t":1.5}\n{"t":-4}\n');
  const doubled = '{"sequence":1,"fields":{"t":3}}\n{"sequence":2,"fields":{"t":-8}}\n';
  assertEquals({ code, out, err }, { code: 0, out: doubled, err: "" });
});
