/**
 * Turns samples into judged samples: derives the rates, keeps a baseline per metric, and
 * says when one leaves its usual range and when it is back. Pure.
 *
 * ```
 *            score > enter, `hold` samples in a row
 *   usual ────────────────────────────────────────► unusual
 *         ◄────────────────────────────────────────
 *            score < leave, `hold` samples in a row
 * ```
 */
import { Baseline } from "./baseline.ts";
import type { Alert, Judged, MetricName, Sample } from "./sample.ts";

/** When a metric counts as unusual. */
export interface Rule {
  /** Raised above this many robust standard deviations … */
  readonly enter: number;
  /** … and cleared below this many. */
  readonly leave: number;
  /** Samples in a row that it takes, either way. */
  readonly hold: number;
  /** Least standard deviation to reckon with: a flat line must not alert at a ripple. */
  readonly sigmaMin: number;
}

/** At 50 Hz: 30 s of history, 2 s before the first judgement, CPU over the last second. */
export const WINDOW_SAMPLES = 1500;
export const WARM_UP_SAMPLES = 100;
export const CPU_SAMPLES = 50;

/** The metrics' rules; units are the metric's own. */
export const RULES: Readonly<Record<MetricName, Rule>> = {
  cpu: { enter: 6, leave: 3, hold: 10, sigmaMin: 0.03 },
  memory: { enter: 8, leave: 4, hold: 10, sigmaMin: 0.002 },
  load: { enter: 8, leave: 4, hold: 10, sigmaMin: 0.05 },
  late: { enter: 12, leave: 6, hold: 3, sigmaMin: 1 },
};

const METRICS = Object.keys(RULES) as MetricName[];

/** One run of the detector. */
export class Detector {
  readonly #watches = new Map(METRICS.map((name) => [name, new MetricWatch(name, RULES[name])]));
  /** CPU counters of the last second, oldest first. */
  readonly #cpuTimes: { busyMs: number; totalMs: number }[] = [];

  /** Judges the next sample. */
  judge(sample: Sample): Judged {
    const cpu = this.#cpuShare(sample);
    const memory = 1 - sample.memoryAvailableBytes / sample.memoryTotalBytes;
    const values = { cpu, memory, load: sample.load, late: sample.lateMs };
    const alerts: Alert[] = [];
    const unusual: MetricName[] = [];
    for (const [name, watch] of this.#watches) {
      const alert = watch.observe(values[name]);
      if (alert !== null) alerts.push(alert);
      if (watch.unusual) unusual.push(name);
    }
    return { ...sample, cpu: round(cpu), memory: round(memory), unusual, alerts };
  }

  /** The kernel counts in ticks of 10 ms, so a single period of 20 ms says little. */
  #cpuShare({ cpuBusyMs: busyMs, cpuTotalMs: totalMs }: Sample): number {
    this.#cpuTimes.push({ busyMs, totalMs });
    if (this.#cpuTimes.length > CPU_SAMPLES + 1) this.#cpuTimes.shift();
    const oldest = this.#cpuTimes[0]!;
    const elapsedMs = totalMs - oldest.totalMs;
    if (elapsedMs <= 0) return 0;
    return Math.min(1, Math.max(0, (busyMs - oldest.busyMs) / elapsedMs));
  }
}

/** One metric's baseline and whether it is out of its range. */
class MetricWatch {
  readonly #name: MetricName;
  readonly #rule: Rule;
  readonly #baseline = new Baseline(WINDOW_SAMPLES);
  #unusual = false;
  #streak = 0;

  constructor(name: MetricName, rule: Rule) {
    this.#name = name;
    this.#rule = rule;
  }

  get unusual(): boolean {
    return this.#unusual;
  }

  /** Judges the value by what came before it, then takes it in. */
  observe(value: number): Alert | null {
    const usual = this.#baseline.median();
    const sigma = Math.max(this.#baseline.sigma(), this.#rule.sigmaMin);
    const warm = this.#baseline.count >= WARM_UP_SAMPLES;
    this.#baseline.push(value);
    if (!warm) return null;
    const score = Math.abs(value - usual) / sigma;
    const turning = this.#unusual ? score < this.#rule.leave : score > this.#rule.enter;
    this.#streak = turning ? this.#streak + 1 : 0;
    if (this.#streak < this.#rule.hold) return null;
    this.#streak = 0;
    this.#unusual = !this.#unusual;
    return {
      metric: this.#name,
      kind: this.#unusual ? "raised" : "cleared",
      value: round(value),
      usual: round(usual),
      score: Math.round(score * 10) / 10,
    };
  }
}

function round(value: number): number {
  return Math.round(value * 10000) / 10000;
}
