import { assertEquals, assertThrows } from "@std/assert";
import { type Edge, topologicalOrder } from "../../../src/plan/graph.ts";

Deno.test("topologicalOrder() keeps declaration order among the independent", () => {
  assertEquals(topologicalOrder(4, []), { kind: "order", order: [0, 1, 2, 3] });
  assertEquals(topologicalOrder(4, [[2, 0]]), { kind: "order", order: [1, 2, 0, 3] });
  assertEquals(topologicalOrder(0, []), { kind: "order", order: [] });
});

Deno.test("topologicalOrder() puts every node after all that come before it", () => {
  const edges: Edge[] = [[3, 1], [1, 0], [4, 0], [3, 4], [3, 1]];
  assertEquals(topologicalOrder(5, edges), { kind: "order", order: [2, 3, 1, 4, 0] });
});

Deno.test("topologicalOrder() reports a cycle in the direction of its edges", () => {
  const edges: Edge[] = [[0, 1], [3, 2], [2, 4], [4, 3], [4, 5]];
  assertEquals(topologicalOrder(6, edges), { kind: "cycle", cycle: [2, 4, 3] });
  assertEquals(topologicalOrder(3, [[1, 1]]), { kind: "cycle", cycle: [1] });
});

Deno.test("topologicalOrder() finds the cycle from a node that merely depends on it", () => {
  assertEquals(topologicalOrder(4, [[3, 2], [2, 3], [2, 1], [1, 0]]), {
    kind: "cycle",
    cycle: [2, 3],
  });
});

Deno.test("topologicalOrder() orders a chain and a cycle of 10,000 nodes", () => {
  const chain: Edge[] = [];
  for (let node = 1; node < 10_000; node++) chain.push([node, node - 1]);
  const ordered = topologicalOrder(10_000, chain);
  assertEquals(ordered.kind, "order");
  if (ordered.kind === "order") {
    assertEquals(ordered.order, Array.from({ length: 10_000 }, (_, at) => 9_999 - at));
  }
  const closed = topologicalOrder(10_000, [...chain, [0, 9_999]]);
  assertEquals(closed.kind === "cycle" ? closed.cycle.length : 0, 10_000);
});

Deno.test("topologicalOrder() refuses an edge to a node that does not exist", () => {
  assertThrows(() => topologicalOrder(2, [[0, 2]]), RangeError, "outside");
  assertThrows(() => topologicalOrder(2, [[-1, 0]]), RangeError, "outside");
});

Deno.test("topologicalOrder() agrees with the definition on a thousand random graphs", () => {
  // A fixed linear congruential generator: a failure is the same failure every time.
  let seed = 12345;
  const draw = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  for (let round = 0; round < 1000; round++) {
    const count = 1 + draw(8);
    const edges: Edge[] = Array.from({ length: draw(10) }, () => [draw(count), draw(count)]);
    const result = topologicalOrder(count, edges);
    if (result.kind === "order") {
      const at = new Map(result.order.map((node, position) => [node, position]));
      assertEquals(at.size, count);
      for (const [before, after] of edges) assertEquals(at.get(before)! < at.get(after)!, true);
    } else {
      result.cycle.forEach((node, position) => {
        const next = result.cycle[(position + 1) % result.cycle.length];
        assertEquals(edges.some(([before, after]) => before === node && after === next), true);
      });
    }
  }
});
