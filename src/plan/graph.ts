/**
 * Orders a directed graph whose nodes are numbers. Owns the topological order and
 * the search for a cycle; shared by the check of a configuration and its compilation.
 * Must not know: what a node stands for.
 */

/** "`before` comes earlier than `after`", both as node numbers. */
export type Edge = readonly [before: number, after: number];

/** An order of all nodes, or one cycle that makes it impossible. */
export type TopologicalOrder =
  | { kind: "order"; order: number[] }
  | { kind: "cycle"; cycle: number[] };

/**
 * Orders the nodes `0 … count - 1` so that every edge points forwards.
 *
 * Among the nodes that could come next the lowest number comes first, so declaration
 * order survives wherever the edges allow it. Repeated edges are harmless. Iterative:
 * depth is bounded by memory, not by the call stack. O((n + e) log n).
 *
 * @param count Number of nodes.
 * @param edges Pairs `[before, after]`; a pair of equal numbers is a cycle of one.
 * @returns The order; or a cycle in the direction of the edges (each node comes before the
 *   next, and the last before the first), beginning with its lowest number.
 * @throws {RangeError} If an edge names a node outside `0 … count - 1`.
 */
export function topologicalOrder(count: number, edges: readonly Edge[]): TopologicalOrder {
  const successors: number[][] = Array.from({ length: count }, () => []);
  const pending = new Array<number>(count).fill(0);
  for (const [before, after] of edges) {
    const list = successors[before];
    if (list === undefined || !(after >= 0 && after < count)) {
      throw new RangeError(`Cannot order: edge ${before} -> ${after} is outside 0 … ${count - 1}`);
    }
    list.push(after);
    pending[after]! += 1;
  }
  const heap: number[] = [];
  for (let node = 0; node < count; node++) if (pending[node] === 0) heapPush(heap, node);
  const order: number[] = [];
  while (heap.length > 0) {
    const node = heapPop(heap);
    order.push(node);
    for (const next of successors[node]!) {
      pending[next]! -= 1;
      if (pending[next] === 0) heapPush(heap, next);
    }
  }
  if (order.length === count) return { kind: "order", order };
  return { kind: "cycle", cycle: findCycle(pending, edges) };
}

/** Walks backwards among the nodes that were never freed, until one comes up again. */
function findCycle(pending: readonly number[], edges: readonly Edge[]): number[] {
  // A node that was never freed has at least one predecessor that was never freed either.
  const predecessor = new Map<number, number>();
  for (const [before, after] of edges) {
    if (pending[before]! > 0 && !predecessor.has(after)) predecessor.set(after, before);
  }
  const seenAt = new Map<number, number>();
  const walk: number[] = [];
  let node = pending.findIndex((left) => left > 0);
  while (!seenAt.has(node)) {
    seenAt.set(node, walk.length);
    walk.push(node);
    node = predecessor.get(node)!;
  }
  const cycle = walk.slice(seenAt.get(node)).reverse();
  let lowest = 0;
  for (let at = 1; at < cycle.length; at++) if (cycle[at]! < cycle[lowest]!) lowest = at;
  return [...cycle.slice(lowest), ...cycle.slice(0, lowest)];
}

function heapPush(heap: number[], value: number): void {
  let at = heap.length;
  heap.push(value);
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (heap[parent]! <= value) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = value;
}

function heapPop(heap: number[]): number {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length === 0) return top;
  let at = 0;
  while (true) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && heap[child + 1]! < heap[child]!) child += 1;
    if (heap[child]! >= last) break;
    heap[at] = heap[child]!;
    at = child;
  }
  heap[at] = last;
  return top;
}
