import { assert, assertEquals, assertThrows } from "@std/assert";
import { RecordRing, ringBytes } from "../../../../src/driver/monitor/record_ring.ts";

Deno.test("RecordRing gives back what was put, whole and in order, and refuses one too many", () => {
  const ring = new RecordRing(new SharedArrayBuffer(ringBytes(4, 2)), 2);
  const into = new Float64Array(2);
  for (let round = 0; round < 10; round++) {
    for (let n = 0; n < 4; n++) assert(ring.put([round, n]));
    assert(!ring.put([0, 0]));
    for (let n = 0; n < 4; n++) {
      assert(ring.take(into));
      assertEquals([...into], [round, n]);
    }
    assert(!ring.take(into) && ring.isEmpty);
  }
});

Deno.test("RecordRing refuses memory of another size than ringBytes() says", () => {
  assertEquals(ringBytes(3, 2), ringBytes(4, 2));
  assertThrows(() => new RecordRing(new SharedArrayBuffer(64 + 3 * 16), 2), RangeError);
});

Deno.test("RecordRing goes on when its counts wrap at 2^31", () => {
  const memory = new SharedArrayBuffer(ringBytes(2, 1));
  new Int32Array(memory).fill(2 ** 31 - 1, 0, 2);
  const ring = new RecordRing(memory, 1);
  const into = new Float64Array(1);
  for (let n = 0; n < 5; n++) {
    assert(ring.put([n]) && ring.take(into));
    assertEquals(into[0], n);
  }
  assert(ring.put([7]) && ring.put([8]) && !ring.put([9]));
});

Deno.test("RecordRing loses and tears nothing between two threads", async () => {
  const count = 200_000;
  const memory = new SharedArrayBuffer(ringBytes(64, 3));
  const module = import.meta.resolve("../../../../src/driver/monitor/record_ring.ts");
  const code = `
    import { RecordRing } from ${JSON.stringify(module)};
    self.onmessage = ({ data }) => {
      const ring = new RecordRing(data, 3);
      for (let n = 0; n < ${count};) if (ring.put([n, -n, n * 2])) n++;
      postMessage("done");
    };`;
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(code)}`, {
    type: "module",
  });
  worker.postMessage(memory);
  const ring = new RecordRing(memory, 3);
  const into = new Float64Array(3);
  for (let n = 0; n < count;) {
    if (!ring.take(into)) {
      await new Promise((resolve) => setTimeout(resolve));
      continue;
    }
    if (into[0] !== n || into[1] !== -n || into[2] !== n * 2) {
      assertEquals([...into], [n, -n, 2 * n]);
    }
    n++;
  }
  worker.terminate();
});
