/** The heap against a list that is sorted anew each time. */
import { assertEquals } from "@std/assert";
import { DueHeap } from "../../../src/deadline/due_heap.ts";
import { Random } from "../../simulation/random.ts";

Deno.test("DueHeap agrees with a sorted list over random changes", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const capacity = random.pick([1, 2, 5, 60]);
    const heap = new DueHeap(capacity);
    const dues = new Map<number, number>();
    for (let change = 0; change < 300; change++) {
      const number = random.integer(0, capacity - 1);
      const dueNs = random.pick([random.integer(0, 100), random.integer(0, 3), Infinity]);
      if (random.chance(0.2)) heap.remove(number), dues.delete(number);
      else if (dueNs === Infinity) heap.set(number, dueNs), dues.delete(number);
      else heap.set(number, dueNs), dues.set(number, dueNs);
      const first = [...dues.values()].sort((a, b) => a - b)[0] ?? Infinity;
      assertEquals([heap.firstDueNs, heap.size], [first, dues.size], `seed ${seed}`);
      assertEquals(heap.first === -1 ? Infinity : dues.get(heap.first), first, `seed ${seed}`);
      assertEquals(heap.dueNs(number), dues.get(number) ?? Infinity, `seed ${seed}`);
    }
  }
});

Deno.test("DueHeap.takeUntil() takes those that are due, the first first, as many as fit", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const heap = new DueHeap(60);
    const dues = Array.from({ length: 60 }, () => random.integer(0, 50));
    dues.forEach((dueNs, number) => heap.set(number, dueNs));
    const numbers = new Int32Array(random.pick([1, 7, 60]));
    const taken = new Float64Array(numbers.length);
    const untilNs = random.integer(0, 50);
    const count = heap.takeUntil(untilNs, numbers, taken);
    const expected = dues.filter((dueNs) => dueNs <= untilNs).sort((a, b) => a - b)
      .slice(0, numbers.length);
    assertEquals([...taken.subarray(0, count)], expected, `seed ${seed}`);
    for (let at = 0; at < count; at++) {
      assertEquals(dues[numbers[at]!], taken[at], `seed ${seed}`);
      assertEquals(heap.dueNs(numbers[at]!), Infinity, `seed ${seed}`);
    }
    assertEquals(heap.size, 60 - count, `seed ${seed}`);
  }
});

Deno.test("DueHeap keeps the order of times that are given in order, nearly, and far ahead", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed);
    const capacity = random.pick([1, 3, 40]);
    const heap = new DueHeap(capacity);
    const dues = new Map<number, number>();
    const periods = Array.from({ length: capacity }, () => random.pick([10, 10, 10, 25, 100_000]));
    const jitter = random.pick([0, 0, 3]);
    const numbers = new Int32Array(random.pick([1, 4, 64]));
    const taken = new Float64Array(numbers.length);
    for (let number = 0; number < capacity; number++) {
      dues.set(number, number);
      heap.set(number, number);
    }
    for (let untilNs = 0; untilNs < 300; untilNs += random.integer(1, 5)) {
      const count = heap.takeUntil(untilNs, numbers, taken);
      const expected = [...dues.values()].filter((dueNs) => dueNs <= untilNs)
        .sort((a, b) => a - b).slice(0, numbers.length);
      assertEquals([...taken.subarray(0, count)], expected, `seed ${seed}`);
      for (let at = 0; at < count; at++) {
        const number = numbers[at]!;
        assertEquals(dues.get(number), taken[at], `seed ${seed}`);
        taken[at] = taken[at]! + periods[number]! + random.integer(0, jitter);
        dues.set(number, taken[at]!);
      }
      heap.setEach(numbers, taken, count);
      if (random.chance(0.2)) {
        const number = random.integer(0, capacity - 1);
        heap.remove(number);
        dues.delete(number);
      }
      const first = Math.min(...dues.values());
      assertEquals([heap.firstDueNs, heap.size], [first, dues.size], `seed ${seed}`);
      assertEquals(dues.get(heap.first) ?? Infinity, first, `seed ${seed}`);
    }
  }
});
