/**
 * What a benchmark returns: one row per claim, with its baseline from the same run.
 * Owns the shape and the verdict. Must not know how anything is measured.
 */

/** A bench module's exports. */
export interface Bench {
  /** For `--only`. */
  readonly name: string;
  /** Measures; at most some minutes. */
  run(): Promise<Row[]>;
}

/** What must hold for a row to pass. */
export interface Target {
  /** The measured value itself, or its ratio to the baseline. */
  readonly of: "measured" | "ratio";
  readonly rule: "at most" | "at least";
  readonly value: number;
}

/** Percentiles or other figures beside the measured one, in the row's unit. */
export type Spread = Readonly<Record<string, number>>;

/** One claim, measured. */
export interface Row {
  readonly claim: string;
  readonly measured: number;
  readonly unit: string;
  readonly baseline: { readonly name: string; readonly value: number } | null;
  /** measured / baseline; null without one. */
  readonly ratio: number | null;
  readonly target: Target | null;
  /** The target holds; true where there is none. */
  readonly ok: boolean;
  readonly spread: Spread;
  /** Number of measurements behind `measured`. */
  readonly runs: number;
}

/**
 * Completes a row with its ratio and verdict.
 *
 * @throws {RangeError} when the target needs a baseline that is not there, or a figure is
 * not finite: a benchmark that measured nothing must not pass.
 */
export function makeRow(row: Omit<Row, "ratio" | "ok">): Row {
  const ratio = row.baseline === null ? null : row.measured / row.baseline.value;
  const figures = [
    row.measured,
    row.baseline?.value ?? 0,
    ratio ?? 0,
    ...Object.values(row.spread),
  ];
  if (!figures.every(Number.isFinite) || row.runs < 1) {
    throw new RangeError(`${row.claim}: not measured (${figures.join(", ")}; ${row.runs} runs)`);
  }
  if (row.target === null) return { ...row, ratio, ok: true };
  const value = row.target.of === "ratio" ? ratio : row.measured;
  if (value === null) throw new RangeError(`${row.claim}: its target needs a baseline`);
  const ok = row.target.rule === "at most" ? value <= row.target.value : value >= row.target.value;
  return { ...row, ratio, ok };
}
