/**
 * Which of many is due first: the numbers 0 … capacity - 1, each with one time. Owns order alone.
 * Must not know: what is due.
 *
 * ```
 *   heap: four children to a node; a change is O(log n), with 10,000 seven levels
 *   run:  first ◄── … ◄── last: times that were given in order, as those of equal periods are; O(1)
 *          └─ the first of all is that of the run or that of the heap
 * ```
 *
 * Whoever is due before the last of the run takes its place, and that one goes to the heap; if he is
 * due before the last but one as well, he goes there himself. So whatever times are given, a change is
 * O(log n), and few that lie far ahead do not keep the others from the run. Fixed memory; nothing
 * allocates.
 */

/** An enum, for a constant of a module is looked up each time that it is used. */
const enum Children {
  bits = 2,
  count = 4,
}

/** An enum, too. */
const enum No {
  number = -1,
}

/** Times by number; a number without a time is not in the heap. */
export class DueHeap {
  /** By place: when what is there is due. */
  readonly #dues: Float64Array;
  /** By place: the number there. */
  readonly #numbers: Int32Array;
  /** By number: its place; -1: it has no time. */
  readonly #places: Int32Array;
  /** By number: its turn in the run; -1: it is not there. */
  readonly #turns: Int32Array;
  /** By turn, round and round: the number, -1 where it was taken away, and its time. */
  readonly #runNumbers: Int32Array;
  readonly #runDues: Float64Array;
  readonly #mask: number;
  /** Turn of the first, and how many turns there are; at both ends is a number. */
  #runFirst = 0;
  #runLength = 0;
  /** The time that is on its way to its place: as a parameter it would be an object of its own. */
  readonly #moving = new Float64Array(1);
  /** In the heap. */
  #size = 0;
  /** In both. */
  #count = 0;

  /** @param capacity numbers are below it. */
  constructor(capacity: number) {
    this.#dues = new Float64Array(capacity);
    this.#numbers = new Int32Array(capacity);
    this.#places = new Int32Array(capacity).fill(No.number);
    this.#turns = new Int32Array(capacity).fill(No.number);
    // Room for all, and as many that were taken away.
    const turns = 2 ** Math.ceil(Math.log2(2 * capacity + 1));
    this.#runNumbers = new Int32Array(turns);
    this.#runDues = new Float64Array(turns);
    this.#mask = turns - 1;
  }

  /** How many have a time. */
  get size(): number {
    return this.#count;
  }

  /** The earliest time; Infinity: there is none. */
  get firstDueNs(): number {
    const heapNs = this.#size === 0 ? Infinity : this.#dues[0]!;
    const runNs = this.#runLength === 0 ? Infinity : this.#runDues[this.#runFirst]!;
    return runNs <= heapNs ? runNs : heapNs;
  }

  /** The number that is due first; -1: there is none. */
  get first(): number {
    if (this.#count === 0) return No.number;
    return this.#isRunFirst() ? this.#runNumbers[this.#runFirst]! : this.#numbers[0]!;
  }

  /** When it is due; Infinity: it has no time. */
  dueNs(number: number): number {
    const turn = this.#turns[number]!;
    if (turn !== No.number) return this.#runDues[turn]!;
    const place = this.#places[number]!;
    return place === No.number ? Infinity : this.#dues[place]!;
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
    while (count < numbers.length) {
      const isOfRun = this.#isRunFirst();
      if (!isOfRun && this.#size === 0) break;
      const dueNs = isOfRun ? this.#runDues[this.#runFirst]! : this.#dues[0]!;
      if (dueNs > untilNs) break;
      const number = isOfRun ? this.#runNumbers[this.#runFirst]! : this.#numbers[0]!;
      numbers[count] = number;
      dues[count++] = dueNs;
      if (isOfRun) this.#leaveRun(number);
      else this.#leaveHeap(number);
    }
    this.#count -= count;
    return count;
  }

  /** Takes its time away. */
  remove(number: number): void {
    if (this.#turns[number]! !== No.number) this.#leaveRun(number);
    else if (this.#places[number]! !== No.number) this.#leaveHeap(number);
    else return;
    this.#count--;
  }

  #move(number: number): void {
    const dueNs = this.#moving[0]!;
    if (dueNs === Infinity) return this.remove(number);
    const place = this.#places[number]!;
    if (place === No.number) {
      if (this.#turns[number]! !== No.number) this.#leaveRun(number);
      else this.#count++;
      this.#enter(number);
    } else if (dueNs < this.#dues[place]!) this.#up(place, number);
    else this.#down(place, number);
  }

  /** The first of all is that of the run. */
  #isRunFirst(): boolean {
    return this.#runLength > 0 &&
      (this.#size === 0 || this.#runDues[this.#runFirst]! <= this.#dues[0]!);
  }

  /** It is in neither. */
  #enter(number: number): void {
    const dueNs = this.#moving[0]!;
    const length = this.#runLength;
    const last = (this.#runFirst + length - 1) & this.#mask;
    if (length === 0) return this.#append(number);
    if (this.#runDues[last]! <= dueNs) {
      if (length <= this.#mask) this.#append(number);
      else this.#up(this.#size++, number);
      return;
    }
    const isInOrder = length === 1 || this.#runDues[(last - 1) & this.#mask]! <= dueNs;
    if (!isInOrder) return this.#up(this.#size++, number);
    const later = this.#runNumbers[last]!;
    const laterNs = this.#runDues[last]!;
    this.#turns[later] = No.number;
    this.#runLength--;
    this.#append(number);
    this.#moving[0] = laterNs;
    this.#up(this.#size++, later);
  }

  #append(number: number): void {
    const turn = (this.#runFirst + this.#runLength++) & this.#mask;
    this.#runNumbers[turn] = number;
    this.#runDues[turn] = this.#moving[0]!;
    this.#turns[number] = turn;
  }

  #leaveRun(number: number): void {
    const numbers = this.#runNumbers;
    const mask = this.#mask;
    numbers[this.#turns[number]!] = No.number;
    this.#turns[number] = No.number;
    while (this.#runLength > 0 && numbers[this.#runFirst]! === No.number) {
      this.#runFirst = (this.#runFirst + 1) & mask;
      this.#runLength--;
    }
    while (
      this.#runLength > 0 && numbers[(this.#runFirst + this.#runLength - 1) & mask]! === No.number
    ) this.#runLength--;
  }

  #leaveHeap(number: number): void {
    const place = this.#places[number]!;
    this.#places[number] = No.number;
    const removedNs = this.#dues[place]!;
    const end = --this.#size;
    if (place === end) return;
    // The last one takes the place; it may belong further up or further down.
    const lastNs = this.#dues[end]!;
    this.#moving[0] = lastNs;
    if (lastNs < removedNs) this.#up(place, this.#numbers[end]!);
    else this.#down(place, this.#numbers[end]!);
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
