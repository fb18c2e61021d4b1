/**
 * Which of many is due first: an indexed heap over the numbers 0 … size - 1, each with one time.
 * Owns order alone. Must not know: what is due.
 *
 * Four children to a node: with 10,000 that is seven levels, and the children that are compared lie
 * in one cache line. Fixed memory; a change is O(log n), the earliest O(1), and nothing allocates.
 */

/** An enum, for a constant of a module is looked up each time that it is used. */
const enum Children {
  bits = 2,
  count = 4,
}

/** Times by number; a number without a time is not in the heap. */
export class DueHeap {
  /** By place: when what is there is due. */
  readonly #dues: Float64Array;
  /** By place: the number there. */
  readonly #numbers: Int32Array;
  /** By number: its place; -1: it has no time. */
  readonly #places: Int32Array;
  /** The time that is on its way to its place: as a parameter it would be an object of its own. */
  readonly #moving = new Float64Array(1);
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
    this.#moving[0] = dueNs;
    this.#move(number);
  }

  /** The same for the first so many of these numbers and times. */
  setEach(numbers: Int32Array, dues: Float64Array, count: number): void {
    for (let at = 0; at < count; at++) {
      this.#moving[0] = dues[at]!;
      this.#move(numbers[at]!);
    }
  }

  /**
   * Takes away those that are due until then, the first of them first.
   *
   * @param numbers takes as many as fit.
   * @param dues when they were due; as long.
   * @returns how many.
   */
  takeUntil(untilNs: number, numbers: Int32Array, dues: Float64Array): number {
    let count = 0;
    while (count < numbers.length && this.#size > 0 && this.#dues[0]! <= untilNs) {
      const number = this.#numbers[0]!;
      numbers[count] = number;
      dues[count++] = this.#dues[0]!;
      this.remove(number);
    }
    return count;
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
    this.#moving[0] = lastNs;
    if (lastNs < removedNs) this.#up(place, this.#numbers[end]!);
    else this.#down(place, this.#numbers[end]!);
  }

  #move(number: number): void {
    const place = this.#places[number]!;
    const dueNs = this.#moving[0]!;
    if (dueNs === Infinity) this.remove(number);
    else if (place === -1) this.#up(this.#size++, number);
    else if (dueNs < this.#dues[place]!) this.#up(place, number);
    else this.#down(place, number);
  }

  #up(place: number, number: number): void {
    const dues = this.#dues;
    const dueNs = this.#moving[0]!;
    const numbers = this.#numbers;
    const places = this.#places;
    while (place > 0) {
      const parent = (place - 1) >> Children.bits;
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

  #down(place: number, number: number): void {
    const dues = this.#dues;
    const dueNs = this.#moving[0]!;
    const numbers = this.#numbers;
    const places = this.#places;
    const size = this.#size;
    for (;;) {
      const firstChild = (place << Children.bits) + 1;
      if (firstChild >= size) break;
      const end = firstChild + Children.count < size ? firstChild + Children.count : size;
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
