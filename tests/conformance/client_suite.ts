/**
 * What `coxswain/child` makes of a mechanism when its peer dies or it gives up itself: at each
 * byte of a message, for each framing that the mechanism can carry. Real processes throughout.
 */
import { assert, assertEquals } from "@std/assert";
import type { Channel } from "../../src/channel/channel.ts";
import type { LinkDescription } from "../../src/plan/preload.ts";
import { sendSignal } from "../../src/os/signals.ts";
import { eventually } from "../support/crew.ts";
import { startClient, startShell } from "./instances.ts";
import type { Mechanism } from "./mechanism.ts";

/** A whole message, and the one that its writer dies in. */
const CASES = {
  lines: { whole: "one\n", cut: "second\n", seen: "one" },
  ndjson: { whole: '{"n":1}\n', cut: '{"n":22}\n', seen: { n: 1 } },
  frames: { whole: "\0\0\0\x03one", cut: "\0\0\0\x05seven", seen: "one" },
} as const;
const SIGTERM = 15;
const KILLS = 12;
type Format = keyof typeof CASES;

/** Registers the tests of the client for one mechanism that carries bytes. */
export function clientSuite(mechanism: Mechanism): void {
  const test = (name: string, body: () => Promise<void>) =>
    Deno.test(`${mechanism.name}: ${name}`, body);

  for (const format of Object.keys(CASES) as Format[]) {
    const leaves = mechanism.keepsMessages ? "whole messages" : "whole messages and one error";
    test(`${format}: a producer that is killed at any byte leaves ${leaves}`, () =>
      killAtEachByte(mechanism, format));
    test(`${format}: what a killed producer left and the next one sends is read in order`, () =>
      killAndGoOn(mechanism, format));
  }

  test("a consumer that is killed after any byte leaves the rest to the next one", async () => {
    const text = "012\n456\n89\n";
    for (let bytes = 0; bytes <= text.length; bytes++) {
      using channel = mechanism.open();
      const producer = startShell(`printf '${octal(text)}' >&4`, [
        { channel, end: mechanism.producerEnd, fd: 4 },
      ]);
      await producer.ended();
      const link = { channel, end: mechanism.consumerEnd, fd: 4 };
      const first = await startShell(`head -c ${bytes} <&4; kill -9 $$`, [link]).ended();
      channel.endProducer();
      const second = await startShell("cat <&4", [link]).ended();
      const next = mechanism.keepsMessages ? messageFrom(text, bytes) : bytes;
      assertEquals([first, second], [text.slice(0, bytes), text.slice(next)]);
    }
  });

  test("a client that stops waiting takes nothing: the next instance has it all", async () => {
    using channel = mechanism.open();
    const link = consumerLink(mechanism, channel, 4);
    const first = startClient(
      `
      const stop = new AbortController();
      setTimeout(() => stop.abort(), 1);
      const link = connect("in4", { as: "lines" });
      for await (const line of link.receive({ signal: stop.signal })) console.log(line);
      console.log("stopped");`,
      [link],
    );
    assertEquals(await first.ended(), "stopped\n");
    const producerEnd = { channel, end: mechanism.producerEnd, fd: 4 };
    await startShell("seq 1 3 >&4", [producerEnd]).ended();
    channel.endProducer();
    const second = startClient(
      `for await (const line of connect("in4", { as: "lines" })) console.log(line);`,
      [link],
    );
    assertEquals(await second.ended(), "1\n2\n3\n");
  });

  test("clients that are killed at any moment leave whole messages of up to 4096 bytes", async () => {
    using channel = mechanism.open({ capacityBytes: 8192 });
    const consumer = startShell("cat <&4", [{ channel, end: mechanism.consumerEnd, fd: 4 }]);
    const body = `
      const out = connect("out", { as: "lines" });
      for (let n = 0;; n++) {
        const line = (n + ":").padEnd(n * 97 % 4096, ".");
        while (out.send(line).kind === "full") await out.drained();
      }`;
    const description = { ...consumerLink(mechanism, channel, 4).description, port: "out" };
    const writing: LinkDescription = { ...description, direction: "write" };
    for (let kill = 0; kill < KILLS; kill++) {
      const before = consumer.outputBytes();
      const producer = startClient(body, [
        { channel, end: mechanism.producerEnd, fd: 4, description: writing },
      ]);
      await eventually("it writes", () => consumer.outputBytes() > before + kill * 10_000);
      producer.kill();
      await producer.ended();
    }
    channel.endProducer();
    const lines = (await consumer.ended()).split("\n");
    assertEquals(lines.pop(), "", "the last line has its line feed");
    let starts = 0;
    let next = 0;
    for (const line of lines) {
      const n = parseInt(line);
      if (n === 0) starts++;
      else assertEquals(n, next, "a message is missing");
      assertEquals(line, (n + ":").padEnd(n * 97 % 4096, "."));
      next = n + 1;
    }
    assertEquals(starts, KILLS);
  });

  test("a client that gives up on a full channel ends, and leaves whole messages", async () => {
    using channel = mechanism.open({ capacityBytes: 8192 });
    const description: LinkDescription = {
      ...consumerLink(mechanism, channel, 4).description,
      port: "out",
      direction: "write",
    };
    const producer = startClient(
      `
      const out = connect("out", { as: "lines" });
      let taken = 0;
      while (out.send(String(taken).padEnd(99, ".")).kind === "sent") taken++;
      const drained = out.drained().then(() => "drained", (error) => error.name);
      child.stopSignal().addEventListener("abort", () => out.abort());
      console.log(taken > 1000, await drained);`,
      [{ channel, end: mechanism.producerEnd, fd: 4, description }],
    );
    await eventually("the channel is full", () => channel.fillBytes() > 4096);
    sendSignal(producer.pid, SIGTERM);
    assertEquals(await producer.ended(), "true LinkClosedError\n");
    channel.endProducer();
    const link = { channel, end: mechanism.consumerEnd, fd: 4 };
    const lines = (await startShell("cat <&4", [link]).ended()).split("\n");
    assertEquals(lines.pop(), "", "the last line has its line feed");
    assert(lines.length > 40);
    lines.forEach((line, at) => assertEquals(line, String(at).padEnd(99, ".")));
  });
}

/** Where the first message begins that was not begun before `at`. */
function messageFrom(text: string, at: number): number {
  return at === 0 ? 0 : text.indexOf("\n", at - 1) + 1;
}

/** One channel for each byte at which its producer dies; one client reads them all. */
async function killAtEachByte(mechanism: Mechanism, format: Format): Promise<void> {
  const { whole, cut, seen } = CASES[format];
  const channels: Channel[] = [];
  try {
    for (let bytes = 0; bytes <= cut.length; bytes++) {
      const channel = mechanism.open({ framing: format });
      channels.push(channel);
      const script = `printf '${octal(whole + cut.slice(0, bytes))}' >&4; kill -9 $$`;
      await startShell(script, [{ channel, end: mechanism.producerEnd, fd: 4 }]).ended();
      channel.endProducer();
    }
    const links = channels.map((channel, at) => consumerLink(mechanism, channel, 4 + at));
    const output = await startClient(READ_ALL(format), links).ended();
    const read = output.trimEnd().split("\n").map((line) => JSON.parse(line));
    for (let bytes = 0; bytes <= cut.length; bytes++) {
      const rest = bytes === 0
        ? []
        : bytes === cut.length
        ? [format === "ndjson" ? { n: 22 } : format === "lines" ? "second" : "seven"]
        : mechanism.keepsMessages
        ? []
        : [`unfinished@2:${whole.length}`];
      assertEquals(read[bytes], [seen, ...rest], `killed after ${bytes} of ${cut.length} bytes`);
    }
  } finally {
    for (const channel of channels) channel[Symbol.dispose]();
  }
}

/** After a cut at a boundary the stream goes on; lines find the next boundary after any cut. */
async function killAndGoOn(mechanism: Mechanism, format: Format): Promise<void> {
  const { whole, cut, seen } = CASES[format];
  const keeps = mechanism.keepsMessages ?? false;
  const isLost = format === "frames" && !keeps;
  const cuts = isLost ? [0, cut.length] : [0, 1, cut.length - 1, cut.length];
  for (const bytes of cuts) {
    using channel = mechanism.open({ framing: format });
    const link = { channel, end: mechanism.producerEnd, fd: 4 };
    const first = `printf '${octal(cut.slice(0, bytes))}' >&4; kill -9 $$`;
    await startShell(first, [link]).ended();
    await startShell(`printf '${octal(whole + whole)}' >&4`, [link]).ended();
    channel.endProducer();
    const client = startClient(READ_ALL(format), [consumerLink(mechanism, channel, 4)]);
    const read: unknown[] = JSON.parse(await client.ended());
    // The message after a cut in the middle is spoilt, and that one alone.
    assertEquals(read.at(-1), seen);
    const isCut = bytes > 0 && bytes < cut.length;
    assertEquals(read.length, bytes === cut.length ? 3 : 2);
    if (!isCut || keeps) assertEquals(read.at(-2), seen);
  }
}

/** Prints what each link brings as a line of JSON; frames as text, errors as `fault@index:offset`. */
const READ_ALL = (format: Format) => `
for (const { port } of child.links()) {
  const read = [];
  const onBadMessage = (e) => read.push(e.fault + "@" + e.index + ":" + e.byteOffset);
  for await (const message of connect(port, { as: ${JSON.stringify(format)}, onBadMessage })) {
    read.push(message instanceof Uint8Array ? new TextDecoder().decode(message) : message);
  }
  console.log(JSON.stringify(read));
}`;

function consumerLink(mechanism: Mechanism, channel: Channel, fd: number) {
  const description: LinkDescription = {
    name: `c${fd}`,
    port: `in${fd}`,
    kind: mechanism.kind,
    direction: "read",
    fd,
    limits: { capacityBytes: channel.capacityBytes },
  };
  return { channel, end: mechanism.consumerEnd, fd, description };
}

/** For the format of printf(1). */
function octal(text: string): string {
  return [...new TextEncoder().encode(text)]
    .map((byte) => "\\" + byte.toString(8).padStart(3, "0")).join("");
}
