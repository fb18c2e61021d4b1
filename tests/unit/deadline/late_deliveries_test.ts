/**
 * Late deliveries as their consumer counts them, against a reference: whenever the monitor looks,
 * each is one miss, and one that was told while it waited is no second one.
 */
import { assertEquals } from "@std/assert";
import { DeliveryJudge, type DeliverySource } from "../../../src/deadline/delivery_judge.ts";
import { BASE, MS, Scribe, SetDeliveries } from "./support.ts";

const LIMIT = 10 * MS;

/** A mailbox's consumer: takes samples in order, gives them back, sometimes passes some over. */
class Consumer implements DeliverySource {
  delivered = 0;
  late = 0;
  lastNs = 0;
  readonly lastStampNs = 0;
  waitingNs = 0;
  waitingAt = 0;
  settledAt = 0;
  readonly stamps: number[] = [];
  #taken = 0;
  read(): void {
    this.waitingNs = this.stamps[this.#taken] ?? 0;
    this.waitingAt = this.waitingNs === 0 ? 0 : this.#taken + 1;
  }
  get newestAt(): number {
    return this.stamps.length;
  }
  get waiting(): number {
    return this.stamps.length - this.#taken;
  }
  take(nowNs: number): void {
    const stampNs = this.stamps[this.#taken++]!;
    this.lastNs = nowNs;
    if (nowNs - stampNs > LIMIT) this.late++;
  }
  release(): void {
    this.delivered += this.#taken - this.settledAt;
    this.settledAt = this.#taken;
  }
}

function judgeOf(source: DeliverySource, nowNs: number) {
  const court = new Scribe();
  const plan = {
    ...BASE,
    kind: "latency",
    channel: 0,
    consumer: 0,
    warnNs: 0,
    missNs: LIMIT,
  } as const;
  const judge = new DeliveryJudge(0, plan, source, court);
  judge.arm(nowNs);
  return { judge, court };
}

/** Numbers from 0 up to `max`, the same for the same seed (mulberry32). */
function randomOf(seed: number): (max: number) => number {
  let state = seed;
  return (max) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * max);
  };
}

for (const [who, lookEvery] of [["prompt", 1], ["slow", 40], ["very late", 4000]] as const) {
  Deno.test(`DeliveryJudge: each late delivery is one miss, none twice, to a ${who} monitor`, () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomOf(seed);
      const source = new Consumer();
      const { judge } = judgeOf(source, MS);
      let nowNs = 2 * MS;
      for (let at = 0; at < 4000; at++) {
        nowNs += random(4) * MS + 1;
        const what = random(10);
        if (what < 4) source.stamps.push(nowNs);
        else if (what < 8 && source.waiting > 0) source.take(nowNs);
        else source.release();
        if (random(lookEvery) === 0) judge.examine(nowNs);
      }
      while (source.waiting > 0) source.take(nowNs);
      source.release();
      judge.examine(nowNs);
      const { kept, missed } = judge.tally;
      const said = `seed ${seed}`;
      assertEquals([missed, kept], [source.late, source.stamps.length - source.late], said);
    }
  });
}

/** A path of two channels: a stage takes samples from the first, and makes those of the second. */
class Path extends SetDeliveries {
  nowNs = 0;
  readonly first: number[] = [];
  readonly second: number[] = [];
  inHand: number | null = null;

  override read(): void {
    // What the stage has in hand is seen by nobody.
    this.waitingNs = Math.min(...this.first.slice(0, 1), ...this.second.slice(0, 1));
    if (this.waitingNs === Infinity) this.waitingNs = 0;
    this.waitingAt = this.waitingNs;
    this.newestAt = this.nowNs;
  }

  /** What is next for it, by number: the source, the stage on either side, the end. */
  go(what: number): void {
    if (what === 0) this.first.push(this.nowNs);
    if (what === 1 && this.inHand === null) this.inHand = this.first.shift() ?? null;
    if (what === 2 && this.inHand !== null) {
      this.second.push(this.inHand);
      this.inHand = null;
    }
    if (what === 3) this.#arrive();
  }

  #arrive(): void {
    const originNs = this.second.shift();
    if (originNs === undefined) return;
    this.delivered++;
    [this.lastNs, this.lastStampNs] = [this.nowNs, originNs];
    if (this.nowNs - originNs > LIMIT) this.late++;
    this.settledAt = originNs;
  }
}

for (const [who, lookEvery] of [["prompt", 1], ["slow", 40], ["very late", 4000]] as const) {
  Deno.test(`DeliveryJudge: each sample that comes late to the end of a path is one miss, to a ${who} monitor`, () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = randomOf(seed);
      const path = new Path();
      const { judge } = judgeOf(path, MS);
      path.nowNs = 2 * MS;
      let sent = 0;
      for (let at = 0; at < 4000 || path.delivered < sent; at++) {
        path.nowNs += random(3) * MS + 1;
        const what = at < 4000 ? random(4) : 1 + at % 3;
        if (what === 0) sent++;
        path.go(what);
        if (random(lookEvery) === 0) judge.examine(path.nowNs);
      }
      judge.examine(path.nowNs);
      const { kept, missed } = judge.tally;
      assertEquals([missed, kept], [path.late, sent - path.late], `seed ${seed}`);
    }
  });
}

Deno.test("DeliveryJudge: what is under way on a path when it is excused comes late without blame", () => {
  const path = new Path();
  path.nowNs = 2 * MS;
  path.go(0);
  path.go(1);
  const { judge } = judgeOf(path, 50 * MS);
  path.nowNs = 60 * MS;
  path.go(2);
  path.go(3);
  judge.examine(60 * MS);
  assertEquals([judge.tally.missed, judge.tally.kept], [0, 0]);
  path.go(0);
  path.go(1);
  path.go(2);
  path.nowNs = 71 * MS;
  path.go(3);
  judge.examine(71 * MS);
  assertEquals(judge.tally.missed, 1);
});

Deno.test("DeliveryJudge: one that was told and never delivered stands for no other", () => {
  const source = new Consumer();
  const { judge } = judgeOf(source, MS);
  source.stamps.push(2 * MS);
  judge.examine(13 * MS);
  assertEquals(judge.tally.missed, 1);
  // It was overwritten, or has expired.
  source.take(2 * MS);
  source.release();
  source.delivered--;
  judge.examine(14 * MS);
  source.stamps.push(20 * MS);
  source.take(31 * MS);
  source.release();
  judge.examine(32 * MS);
  assertEquals([judge.tally.missed, judge.tally.kept], [2, 0]);
});

Deno.test("DeliveryJudge: what was there before it was armed is delivered late without blame", () => {
  const source = new Consumer();
  source.stamps.push(MS, MS, MS);
  source.take(2 * MS);
  const { judge } = judgeOf(source, 50 * MS);
  source.take(60 * MS);
  source.take(60 * MS);
  source.stamps.push(60 * MS);
  source.release();
  judge.examine(60 * MS);
  source.take(71 * MS);
  source.release();
  judge.examine(72 * MS);
  assertEquals(judge.tally.missed, 1);
});
