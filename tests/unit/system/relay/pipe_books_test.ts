/** The two books that are kept of a consumer's pipe, held against the kernel's own pipe. */
import { assert, assertEquals } from "@std/assert";
import {
  closeFd,
  createPipe,
  pageBytes,
  pipeFillBytes,
  readFd,
  reopenPipe,
  writeFd,
} from "../../../../src/os/pipe.ts";
import { Boundaries } from "../../../../src/system/relay/boundaries.ts";
import { PipePages } from "../../../../src/system/relay/pipe_pages.ts";
import { seededRandom } from "./support.ts";

function realPipe(capacityBytes: number) {
  const pipe = createPipe({ capacityBytes });
  const read = reopenPipe(pipe.readFd, "read", { nonBlocking: true });
  const write = reopenPipe(pipe.readFd, "write", { nonBlocking: true });
  closeFd(pipe.readFd);
  closeFd(pipe.writeFd);
  return { read, write, [Symbol.dispose]: () => [read, write].forEach(closeFd) };
}

Deno.test("PipePages knows of every write whether the kernel takes it whole", () => {
  const random = seededRandom(99);
  const page = pageBytes();
  let exact = 0;
  let rounds = 0;
  for (let run = 0; run < 60; run++) {
    const capacity = [page, 4 * page, 16 * page][run % 3]!;
    using pipe = realPipe(capacity);
    const pages = new PipePages(capacity, page, 0);
    const data = new Uint8Array(capacity + page);
    let written = 0;
    for (let step = 0; step < 300; step++, rounds++) {
      pages.consumedTo(written - pipeFillBytes(pipe.read));
      const whole = pages.wholeBytesMax;
      // Right at what it says, one above, and anywhere below.
      const kind = random(4);
      const size = kind === 0 ? whole : kind === 1 ? whole + 1 : 1 + random(Math.max(1, whole));
      if (size > 0) {
        const count = writeFd(pipe.write, data.subarray(0, size));
        if (size <= whole) assertEquals(count, size, `run ${run} step ${step}`);
        if (kind === 1 && count !== size) exact++;
        if (typeof count === "number") {
          written += count;
          pages.wrote(count, written);
        }
      }
      if (random(3) === 0) readFd(pipe.read, data.subarray(0, 1 + random(capacity)));
    }
  }
  // It is not merely careful: one byte more is refused or cut in most cases.
  assert(exact > rounds / 8, `${exact} of ${rounds}`);
});

Deno.test("PipePages takes what another has left there for full, until it was read", () => {
  const page = pageBytes();
  using pipe = realPipe(16 * page);
  writeFd(pipe.write, new Uint8Array(100));
  const pages = new PipePages(16 * page, page, 100);
  pages.consumedTo(50);
  assertEquals(pages.wholeBytesMax, 0);
  // A write that was tried nevertheless, and went well: nothing is known before it was read.
  pages.wrote(4096, 4196);
  pages.consumedTo(100);
  assertEquals(pages.wholeBytesMax, 0);
  pages.consumedTo(4196);
  assertEquals(pages.wholeBytesMax, 16 * page);
});

Deno.test("Boundaries finds the next end of a message, also behind 2^33 bytes", () => {
  const random = seededRandom(3);
  for (const start of [0, 2 ** 33 + 5]) {
    const capacity = 4096;
    const boundaries = new Boundaries(capacity, start);
    let known: number[] = [start];
    let written = start;
    for (let step = 0; step < 3000; step++) {
      const lengths = Array.from({ length: 1 + random(6) }, () => 1 + random(random(9) ? 40 : 600));
      const total = lengths.reduce((sum, length) => sum + length, 0);
      if (total > capacity) continue;
      boundaries.extend(total);
      for (const length of lengths) {
        written += length;
        known.push(written);
        boundaries.mark(written);
      }
      known = known.filter((at) => at >= written - capacity);
      const from = written - random(Math.min(capacity, written - start) + 1);
      assertEquals(boundaries.atOrAfter(from), known.find((at) => at >= from) ?? -1);
    }
    boundaries.extend(100);
    assertEquals(boundaries.atOrAfter(written + 1), -1);
    const larger = boundaries.resized(4 * capacity);
    const from = written - 2000;
    assertEquals(larger.atOrAfter(from), boundaries.atOrAfter(from));
    larger.extend(3 * capacity);
    assertEquals(larger.atOrAfter(from), boundaries.atOrAfter(from));
    assertEquals(larger.atOrAfter(written + 1), -1);
  }
});
