/**
 * Which of many is due first: an indexed heap over the numbers 0 … size - 1, each with one time.
 * Owns order alone. Must not know: what is due.
 *
 * Four children to a node: with 10,000 that is seven levels, and the children that are compared lie
 * in one cache line. Fixed memory; a change is O(log n), the earliest O(1), and nothing allocates.
 */

const CHILDREN = 4;

/** Times by number; a number without a time is not in the heap. */
export class DueHeap {
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
    return this.#size === 0 ? Infinity : this.#dues[this.#numbers[0]!]!;
  }

  /** The number that is due first; -1: there is none. */
  get first(): number {
    return this.#size === 0 ? -1 : this.#numbers[0]!;
  }

  /** When it is due; Infinity: it has no time. */
  dueNs(number: number): number {
    return this.#places[number] === -1 ? Infinity : this.#dues[number]!;
  }

  /** Gives it a time, or another one. Infinity takes it away. */
  set(number: number, dueNs: number): void {
    const place = this.#places[number]!;
    if (dueNs === Infinity) return this.remove(number);
    if (place === -1) {
      this.#dues[number] = dueNs;
      this.#up(this.#size++, number);
      return;
    }
    const old = this.#dues[number]!;
    this.#dues[number] = dueNs;
    if (dueNs < old) this.#up(place, number);
    else this.#down(place, number);
  }

  /** Takes its time away. */
  remove(number: number): void {
    const place = this.#places[number]!;
    if (place === -1) return;
    this.#places[number] = -1;
    const last = this.#numbers[--this.#size]!;
    if (last === number) return;
    // The last one takes the place; it may belong further up or further down.
    if (this.#dues[last]! < this.#dues[number]!) this.#up(place, last);
    else this.#down(place, last);
  }

  #up(place: number, number: number): void {
    const [dues, numbers, places] = [this.#dues, this.#numbers, this.#places];
    const dueNs = dues[number]!;
    while (place > 0) {
      const parent = ((place - 1) / CHILDREN) | 0;
      const above = numbers[parent]!;
      if (dues[above]! <= dueNs) break;
      numbers[place] = above;
      places[above] = place;
      place = parent;
    }
    numbers[place] = number;
    places[number] = place;
  }

  #down(place: number, number: number): void {
    const [dues, numbers, places] = [this.#dues, this.#numbers, this.#places];
    const dueNs = dues[number]!;
    const size = this.#size;
    for (;;) {
      const firstChild = place * CHILDREN + 1;
      if (firstChild >= size) break;
      const end = Math.min(firstChild + CHILDREN, size);
      let least = firstChild;
      let leastNs = dues[numbers[firstChild]!]!;
      for (let child = firstChild + 1; child < end; child++) {
        const childNs = dues[numbers[child]!]!;
        if (childNs < leastNs) [least, leastNs] = [child, childNs];
      }
      if (leastNs >= dueNs) break;
      const below = numbers[least]!;
      numbers[place] = below;
      places[below] = place;
      place = least;
    }
    numbers[place] = number;
    places[number] = place;
  }
}
