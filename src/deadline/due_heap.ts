/**
 * Which of many is due first: an indexed heap over the numbers 0 … size - 1, each with one time.
 * Owns order alone. Must not know: what is due.
 *
 * Four children to a node: with 10,000 that is seven levels, and the children that are compared lie
 * in one cache line. Fixed memory; a change is O(log n), the earliest O(1), and nothing allocates.
 */

const CHILDREN_BITS = 2;
const CHILDREN = 1 << CHILDREN_BITS;

/** Times by number; a number without a time is not in the heap. */
export class DueHeap {
  /** By place: when what is there is due. */
  readonly #dues: Float64Array;
  /** By place: the number there. */
  readonly #numbers: Int32Array;
  /** By number: its place; -1: it has no time. */
  readonly #places: Int32Array;
  #size = 0;

  /** @param capacity numbers are below it. */
  constructor(capacity: number) {
    this.#dues = new Float64Array(capacity);
    this.#numbers = new Int32Array(capacity);
    this.#places = new Int32Array(capacity).fill(-1);
  }

  /** How many have a time. */
  get size(): number {
    return this.#size;
  }

  /** The earliest time; Infinity: there is none. */
  get firstDueNs(): number {
    return this.#size === 0 ? Infinity : this.#dues[0]!;
  }

  /** The number that is due first; -1: there is none. */
  get first(): number {
    return this.#size === 0 ? -1 : this.#numbers[0]!;
  }

  /** When it is due; Infinity: it has no time. */
  dueNs(number: number): number {
    const place = this.#places[number]!;
    return place === -1 ? Infinity : this.#dues[place]!;
  }

  /** Gives it a time, or another one. Infinity takes it away. */
  set(number: number, dueNs: number): void {
    const place = this.#places[number]!;
    if (dueNs === Infinity) return this.remove(number);
    if (place === -1) return this.#up(this.#size++, number, dueNs);
    if (dueNs < this.#dues[place]!) this.#up(place, number, dueNs);
    else this.#down(place, number, dueNs);
  }

  /** Takes its time away. */
  remove(number: number): void {
    const place = this.#places[number]!;
    if (place === -1) return;
    this.#places[number] = -1;
    const removedNs = this.#dues[place]!;
    const end = --this.#size;
    if (place === end) return;
    // The last one takes the place; it may belong further up or further down.
    const lastNs = this.#dues[end]!;
    if (lastNs < removedNs) this.#up(place, this.#numbers[end]!, lastNs);
    else this.#down(place, this.#numbers[end]!, lastNs);
  }

  #up(place: number, number: number, dueNs: number): void {
    const dues = this.#dues;
    const numbers = this.#numbers;
    const places = this.#places;
    while (place > 0) {
      const parent = (place - 1) >> CHILDREN_BITS;
      const aboveNs = dues[parent]!;
      if (aboveNs <= dueNs) break;
      const above = numbers[parent]!;
      dues[place] = aboveNs;
      numbers[place] = above;
      places[above] = place;
      place = parent;
    }
    dues[place] = dueNs;
    numbers[place] = number;
    places[number] = place;
  }

  #down(place: number, number: number, dueNs: number): void {
    const dues = this.#dues;
    const numbers = this.#numbers;
    const places = this.#places;
    const size = this.#size;
    for (;;) {
      const firstChild = (place << CHILDREN_BITS) + 1;
      if (firstChild >= size) break;
      const end = firstChild + CHILDREN < size ? firstChild + CHILDREN : size;
      let least = firstChild;
      let leastNs = dues[firstChild]!;
      for (let child = firstChild + 1; child < end; child++) {
        const childNs = dues[child]!;
        if (childNs >= leastNs) continue;
        least = child;
        leastNs = childNs;
      }
      if (leastNs >= dueNs) break;
      const below = numbers[least]!;
      dues[place] = leastNs;
      numbers[place] = below;
      places[below] = place;
      place = least;
    }
    dues[place] = dueNs;
    numbers[place] = number;
    places[number] = place;
  }
}
