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
