/** NDJSON framing in memory: limits, cuts at every byte, located errors, order. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { NdjsonError, readNdjson, writeNdjson } from "../../../src/child/mod.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const stream = (...chunks: (string | Uint8Array)[]) =>
  ReadableStream.from(chunks.map((chunk) => typeof chunk === "string" ? encode(chunk) : chunk));

Deno.test("readNdjson() yields the same values wherever the chunks are cut", async () => {
  const text = '{"a":"ü"}\r\n\n[1,2]\n"€"\n';
  const bytes = encode(text);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const values = await Array.fromAsync(readNdjson(stream(bytes.slice(0, cut), bytes.slice(cut))));
    assertEquals(values, [{ a: "ü" }, [1, 2], "€"]);
  }
  const single = await Array.fromAsync(
    readNdjson(stream(...[...bytes].map((b) => Uint8Array.of(b)))),
  );
  assertEquals(single, [{ a: "ü" }, [1, 2], "€"]);
});

Deno.test("readNdjson() takes a line of maxLineBytes and refuses one byte more", async () => {
  const atLimit = JSON.stringify("x".repeat(8)); // 10 bytes
  const bad: NdjsonError[] = [];
  const values = await Array.fromAsync(
    readNdjson(stream(`${atLimit}\n"x${atLimit.slice(1)}\n`, "3\n"), {
      maxLineBytes: 10,
      onBadLine: (error) => bad.push(error),
    }),
  );
  assertEquals(values, ["x".repeat(8), 3]);
  assertEquals(bad.map((e) => [e.fault, e.line, e.byteOffset]), [["too-long", 2, 11]]);
  assertEquals(bad[0]?.message, "Line 2 (byte 11) must be at most 10 bytes and is longer");
});

Deno.test("readNdjson() holds no more than maxLineBytes of an endless line", async () => {
  let sentBytes = 0;
  const endless = new ReadableStream<Uint8Array>({
    pull(controller) {
      sentBytes += 1 << 16;
      if (sentBytes > 1 << 24) {
        controller.enqueue(encode("\n1\n"));
        controller.close();
      } else controller.enqueue(new Uint8Array(1 << 16).fill(120));
    },
  });
  const bad: NdjsonError[] = [];
  const values = await Array.fromAsync(
    readNdjson(endless, { maxLineBytes: 100, onBadLine: (error) => bad.push(error) }),
  );
  assertEquals(values, [1]);
  assertEquals(bad.map((e) => e.fault), ["too-long"]);
});

Deno.test("readNdjson() says what is wrong with each bad line, where, and why", async () => {
  const bad: NdjsonError[] = [];
  const input = stream("nope\n", Uint8Array.of(0xff, 10), "-1\n2\n", '{"cut":');
  const values = await Array.fromAsync(
    readNdjson<number>(input, {
      onBadLine: (error) => bad.push(error),
      parse(value) {
        if (typeof value !== "number" || value < 0) throw new Error("must be positive");
        return value;
      },
    }),
  );
  assertEquals(values, [2]);
  assertEquals(bad.map((e) => [e.fault, e.line, e.byteOffset]), [
    ["not-json", 1, 0],
    ["not-utf8", 2, 5],
    ["refused", 3, 7],
    ["unfinished", 5, 12],
  ]);
  assert(bad[0]?.cause instanceof SyntaxError);
  assertEquals(bad[2]?.message, "Line 3 (byte 7) was refused: must be positive");
});

Deno.test("readNdjson() throws the first bad line when nobody is told of it", async () => {
  const seen: unknown[] = [];
  const error = await assertRejects(async () => {
    for await (const value of readNdjson(stream("1\nx\n2\n"))) seen.push(value);
  }, NdjsonError);
  assertEquals(seen, [1]);
  assertEquals(error.line, 2);
});

Deno.test("readNdjson() ends quietly at the signal, half a line at hand or not, and cancels", async () => {
  for (const first of ["1\n", '1\n{"half":']) {
    const controller = new AbortController();
    let cancelled = false;
    const input = new ReadableStream<Uint8Array>({
      start: (source) => source.enqueue(encode(first)),
      cancel: () => void (cancelled = true),
    });
    const seen: unknown[] = [];
    for await (const value of readNdjson(input, { signal: controller.signal })) {
      seen.push(value);
      setTimeout(() => controller.abort(), 0);
    }
    assertEquals(seen, [1]);
    assert(cancelled);
  }
});

Deno.test("readNdjson() yields nothing when the signal was aborted before", async () => {
  const values = await Array.fromAsync(readNdjson(stream("1\n"), { signal: AbortSignal.abort() }));
  assertEquals(values, []);
});

Deno.test("readNdjson() cancels the stream when its loop is left", async () => {
  let cancelled = false;
  const input = new ReadableStream<Uint8Array>({
    start: (source) => source.enqueue(encode("1\n2\n")),
    cancel: () => void (cancelled = true),
  });
  for await (const _ of readNdjson(input)) break;
  assert(cancelled);
});

Deno.test("readNdjson() refuses a limit out of range", async () => {
  for (const maxLineBytes of [0, -1, 1.5, 2 ** 30 + 1, NaN]) {
    await assertRejects(() => readNdjson(stream(), { maxLineBytes }).next(), RangeError);
  }
});

/** Takes at most `pieceBytes` a call, and lets others run in between. */
function slowWriter(pieceBytes: number) {
  const state = { text: "", calls: 0 };
  const to = {
    async write(bytes: Uint8Array) {
      state.calls++;
      await Promise.resolve();
      const piece = bytes.slice(0, pieceBytes);
      state.text += new TextDecoder().decode(piece);
      return piece.length;
    },
  };
  return { state, to };
}

Deno.test("writeNdjson() keeps lines whole and in order when calls overlap and writes are short", async () => {
  const { state, to } = slowWriter(3);
  await Promise.all([{ a: 1 }, [2, 3], "four"].map((value) => writeNdjson(value, { to })));
  assertEquals(state.text, '{"a":1}\n[2,3]\n"four"\n');
});

Deno.test("writeNdjson() hands a line to the writer in one call", async () => {
  const { state, to } = slowWriter(1 << 20);
  await writeNdjson({ text: "x".repeat(4000) }, { to });
  assertEquals(state.calls, 1);
});

Deno.test("writeNdjson() refuses what JSON cannot hold and writes nothing", async () => {
  const { state, to } = slowWriter(100);
  await assertRejects(() => writeNdjson(undefined, { to }), TypeError, "undefined");
  const cycle: Record<string, unknown> = {};
  cycle["self"] = cycle;
  await assertRejects(() => writeNdjson(cycle, { to }), TypeError);
  assertEquals(state.text, "");
});

Deno.test("writeNdjson() reports the writer's failure to its own caller alone", async () => {
  let calls = 0;
  const to = {
    write(bytes: Uint8Array) {
      return calls++ === 0
        ? Promise.reject(new Deno.errors.BrokenPipe("gone"))
        : Promise.resolve(bytes.length);
    },
  };
  const first = assertRejects(() => writeNdjson(1, { to }), Deno.errors.BrokenPipe);
  const second = writeNdjson(2, { to });
  await first;
  await second;
  assertEquals(calls, 2);
});
