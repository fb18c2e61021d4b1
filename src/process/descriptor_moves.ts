/**
 * In which order to `dup2` so that every descriptor of a child ends up where it belongs.
 * Pure. Must not know: how the moves are made.
 */

/** The child's descriptor `fd` is to be the parent's descriptor `source`. */
export interface DescriptorSource {
  readonly fd: number;
  readonly source: number;
}

/** What to do in the child, in this order; afterwards close all from `closeFrom` up. */
export interface DescriptorMoves {
  readonly dup2: readonly (readonly [from: number, to: number])[];
  /** Below `closeFrom`: descriptors that the child is not to have. */
  readonly close: readonly number[];
  readonly closeFrom: number;
}

/**
 * Plans the moves for any permutation of sources and targets.
 *
 * A source that is also another entry's target would be overwritten: it is set aside
 * first, above every number in use. A source may serve several targets.
 *
 * @throws {RangeError} when two entries have the same `fd`, or a number is negative.
 */
export function planDescriptorMoves(descriptors: readonly DescriptorSource[]): DescriptorMoves {
  const targets = new Set<number>();
  for (const { fd, source } of descriptors) {
    if (!(fd >= 0) || !(source >= 0)) throw new RangeError(`Cannot move ${source} to ${fd}`);
    if (targets.has(fd)) throw new RangeError(`Descriptor ${fd} is given twice`);
    targets.add(fd);
  }
  const closeFrom = Math.max(-1, ...targets) + 1;
  let spare = Math.max(closeFrom - 1, ...descriptors.map(({ source }) => source)) + 1;
  const dup2: [number, number][] = [];
  const setAside = new Map<number, number>();
  for (const { fd, source } of descriptors) {
    if (fd === source || !targets.has(source) || setAside.has(source)) continue;
    setAside.set(source, spare);
    dup2.push([source, spare]);
    spare++;
  }
  // A dup2 onto itself is kept: it clears close-on-exec, in glibc since 2.29 and in musl.
  for (const { fd, source } of descriptors) {
    dup2.push([fd === source ? source : setAside.get(source) ?? source, fd]);
  }
  const close: number[] = [];
  for (let fd = 0; fd < closeFrom; fd++) if (!targets.has(fd)) close.push(fd);
  return { dup2, close, closeFrom };
}
