/**
 * A crew under a watch, with a clock of its own: programs that keep their contracts and such that do
 * not, late timers, lost wake-ups, a supervisor that is stopped, machines that stand still or sleep,
 * programs that are suspended and restarted. Afterwards all that was told is held against all that
 * happened. Must not know: the real watch (it is a parameter).
 */
import { assert } from "@std/assert";
import type { Judge } from "../../../src/deadline/judge.ts";
import type { Verdict } from "../../../src/deadline/verdict.ts";
import type { Absence, Watch } from "../../../src/deadline/watch.ts";
import { cycleLine, HEARTBEAT, PulseMemory } from "../../support/pulse_memory.ts";
import { cycle, heartbeat, MS } from "../../unit/deadline/support.ts";
import type { Random } from "../random.ts";
import type { Deadline } from "./deadline_types.ts";

const APART_NS = 200_000;
const ABSENT_NS = 200 * MS;
/** Looks in one run: each contract once when it is due, once ahead, and the one that stops it. */
const LOOKS_FACTOR = 3;

/** One program with one contract. */
interface Program {
  readonly kind: "heartbeat" | "cycle";
  readonly memory: PulseMemory;
  /** Longest silence, or period. */
  readonly limitNs: number;
  /** It never misses. */
  readonly isHonest: boolean;
  /** What it did, by time. */
  readonly signs: number[];
  /** From here on it is judged anew; NaN in between: it is not judged. */
  readonly fresh: { readonly atNs: number; readonly isJudged: boolean }[];
  nextNs: number;
  isInPass: boolean;
  dueNs: number;
  isStopped: boolean;
  /** By what was told: whoever breaks it, it stays so until it is kept. */
  isBroken: boolean;
  readonly judge: Judge;
}

/** Plays one crew for `forNs`. @throws {AssertionError} when something was told wrongly, or not. */
export function playWatch(deadline: Deadline, random: Random): void {
  new World(deadline, random).live(random.pick([500 * MS, 3000 * MS]));
}

class World {
  readonly #random: Random;
  readonly #programs: Program[];
  readonly #watch: Watch;
  readonly #verdicts: Verdict[] = [];
  readonly #absences: Absence[] = [];
  /** Times in which the watch did not run though something may have been due. */
  readonly #away: { readonly fromNs: number; readonly toNs: number }[] = [];
  readonly #timerLateNs: number;
  readonly #trouble: number;
  #nowNs = 1000 * MS;
  #asleepNs = 0;
  #isStarved = false;
  #hasSlept = false;

  constructor(deadline: Deadline, random: Random) {
    this.#random = random;
    this.#timerLateNs = random.pick([0, 60_000, 3 * MS]);
    this.#trouble = random.pick([0, 0, 0.02, 0.1]);
    const count = random.integer(1, 6);
    this.#watch = new deadline.Watch(count, {
      tell: (verdict) => {
        this.#verdicts.push(verdict);
        if (verdict.broke) this.#programs[verdict.contract]!.isBroken = true;
      },
      recovered: (contract) => {
        assert(this.#programs[contract]!.isBroken, `${contract} recovered, and was not broken`);
        this.#programs[contract]!.isBroken = false;
      },
      absent: (absence) => this.#absences.push(absence),
      isExcused: (contract) => this.#programs[contract]!.isStopped,
      starvedNs: (lateNs) => this.#isStarved ? lateNs : 0,
    });
    this.#programs = Array.from({ length: count }, (_, index) => this.#program(deadline, index));
  }

  #program(deadline: Deadline, index: number): Program {
    const kind = this.#random.pick(["heartbeat", "cycle"] as const);
    const limitNs = this.#random.pick([this.#random.integer(5, 50), 3000]) * MS;
    const memory = new PulseMemory([
      kind === "cycle" ? cycleLine("sample", limitNs, 4096) : HEARTBEAT,
    ]);
    const place = memory.place(0);
    const { court } = this.#watch;
    const recoverAfter = index % 2 === 0 ? 8 : 1;
    const judge: Judge = kind === "cycle"
      ? new deadline.CycleJudge(
        index,
        cycle({ recoverAfter, periodNs: limitNs, budgetNs: limitNs / 2, latenessNs: limitNs / 4 }),
        new deadline.CycleSource(memory.views, place),
        court,
      )
      : new deadline.SilenceJudge(
        index,
        heartbeat({ recoverAfter, missNs: limitNs }),
        new deadline.PulseSigns(memory.views, place),
        court,
      );
    this.#watch.add(judge);
    return {
      kind,
      memory,
      limitNs,
      isHonest: kind === "cycle" || this.#random.chance(0.5),
      signs: [],
      fresh: [],
      nextNs: this.#nowNs + this.#random.integer(0, limitNs),
      isInPass: false,
      dueNs: 0,
      isStopped: false,
      isBroken: false,
      judge,
    };
  }

  live(forNs: number): void {
    const endNs = this.#nowNs + forNs;
    this.#programs.forEach((program, index) => this.#arm(program, index));
    this.#run();
    while (this.#nowNs < endNs) {
      const { wakeNs } = this.#watch;
      const isIdle = this.#programs.every(({ isStopped }) => isStopped);
      assert(isIdle || wakeNs < Infinity, "it never wakes, though contracts are armed");
      if (wakeNs === Infinity) this.#setStopped(this.#programs[0]!, 0, false);
      const lateNs = this.#random.integer(0, this.#timerLateNs);
      let atNs = Math.max(this.#nowNs, this.#watch.wakeNs) + lateNs;
      if (this.#random.chance(this.#trouble)) {
        const awayNs = this.#makeTrouble(atNs);
        // What is told of a program wakes a watch that is there.
        if (awayNs === 0) atNs = Math.min(atNs, Math.max(this.#nowNs, this.#watch.wakeNs) + lateNs);
        atNs += awayNs;
      }
      this.#passTime(atNs);
      this.#run();
    }
    this.#judgeTheWatch();
  }

  #run(): void {
    const before = this.#watch.looks;
    const absences = this.#absences.length;
    const wakeNs = this.#watch.run(this.#nowNs, this.#nowNs + this.#asleepNs);
    const looks = this.#watch.looks - before;
    assert(looks <= LOOKS_FACTOR * this.#programs.length + 2, `${looks} looks in one run`);
    assert(wakeNs >= this.#nowNs + APART_NS, "runs are apart");
    const isRested = wakeNs <= this.#nowNs + 1000 * MS || wakeNs === Infinity;
    assert(isRested, "it rests for a second at most");
    const absence = this.#absences.length === absences ? null : this.#absences.at(-1)!.kind;
    assert(!this.#isStarved || absence !== "stopped", "it waited for a CPU, and was there");
    assert(!this.#hasSlept || absence === "suspended", "the machine slept, and nobody saw it");
    this.#isStarved = false;
    this.#hasSlept = false;
    if (absence === null) return;
    for (const program of this.#programs) this.#freshen(program, true);
  }

  /** Something that is nobody's fault. @returns for how long the watch is away because of it */
  #makeTrouble(atNs: number): number {
    // After the run that was just made.
    this.#nowNs++;
    const index = this.#random.integer(0, this.#programs.length - 1);
    const program = this.#programs[index]!;
    const lengthNs = this.#random.integer(210, 3000) * MS;
    switch (this.#random.integer(0, 5)) {
      case 0: // The supervisor alone is stopped.
        this.#away.push({ fromNs: atNs, toNs: atNs + lengthNs });
        return lengthNs;
      case 1: // All stand still.
        this.#away.push({ fromNs: this.#nowNs, toNs: atNs + lengthNs });
        for (const each of this.#programs) this.#delay(each, lengthNs + atNs - this.#nowNs);
        return lengthNs;
      case 2: // The machine sleeps, and the clock with it.
        this.#asleepNs += lengthNs;
        this.#hasSlept = true;
        return 0;
      case 3: // A wake-up is lost: something else wakes it later, and the clock is not to blame.
        this.#isStarved = true;
        this.#away.push({ fromNs: atNs, toNs: atNs + lengthNs });
        return lengthNs;
      case 4: // A program is stopped, or goes on.
        this.#setStopped(program, index, !program.isStopped);
        return 0;
      default: // A program is restarted.
        this.#setStopped(program, index, false);
        this.#watch.disarm(index, this.#nowNs);
        this.#arm(program, index);
        return 0;
    }
  }

  #setStopped(program: Program, index: number, isStopped: boolean): void {
    if (program.isStopped === isStopped) return;
    program.isStopped = isStopped;
    if (isStopped) {
      program.nextNs = Infinity;
      // Of half of them the watch hears only when it asks.
      if (this.#random.chance(0.5)) this.#watch.suspend(index, this.#nowNs);
      this.#freshen(program, false);
      return;
    }
    program.isInPass = false;
    program.nextNs = this.#nowNs + 1;
    program.dueNs = 0;
    if (program.kind === "cycle") program.memory.leave(0);
    this.#watch.suspend(index, this.#nowNs);
    this.#watch.resume(index, this.#nowNs);
    this.#freshen(program, true);
  }

  #arm(program: Program, index: number): void {
    if (program.kind === "cycle") {
      program.memory.clear();
      program.isInPass = false;
      program.dueNs = 0;
    }
    this.#watch.arm(index, this.#nowNs);
    this.#freshen(program, true);
    if (program.nextNs === Infinity) program.nextNs = this.#nowNs + 1;
  }

  #freshen(program: Program, isJudged: boolean): void {
    program.fresh.push({ atNs: this.#nowNs, isJudged: isJudged && !program.isStopped });
  }

  /** Stood still: what it would have done it does later. */
  #delay(program: Program, byNs: number): void {
    // Who waits for a due time is woken by a clock that has gone on.
    const waits = program.kind === "cycle" && !program.isInPass && program.dueNs > 0;
    if (waits) program.nextNs = Math.max(program.nextNs, this.#nowNs + byNs);
    else program.nextNs += byNs;
  }

  /** Lets the programs act until then. */
  #passTime(untilNs: number): void {
    for (const program of this.#programs) {
      while (program.nextNs <= untilNs) this.#act(program, Math.max(program.nextNs, this.#nowNs));
    }
    this.#nowNs = untilNs;
  }

  #act(program: Program, atNs: number): void {
    const { limitNs, memory } = program;
    program.signs.push(atNs);
    if (program.kind === "heartbeat") {
      memory.sign(0, atNs);
      program.nextNs = atNs +
        (program.isHonest || this.#random.chance(0.9)
          ? this.#random.integer(limitNs / 8, limitNs)
          : limitNs + this.#random.pick([1, 100_000, 5 * MS, 3 * limitNs]));
      return;
    }
    if (program.isInPass) {
      memory.end(0, atNs);
      program.isInPass = false;
      program.nextNs = program.dueNs + limitNs + this.#random.integer(0, limitNs / 4);
      if (program.nextNs < atNs) program.nextNs = atNs;
      return;
    }
    const first = program.dueNs === 0;
    const sinceNs = atNs - program.dueNs;
    program.dueNs = first ? atNs : program.dueNs + Math.floor(sinceNs / limitNs) * limitNs;
    memory.begin(0, atNs, program.dueNs);
    program.isInPass = true;
    program.nextNs = atNs + this.#random.integer(0, limitNs / 2);
  }

  #judgeTheWatch(): void {
    const told = new Set<string>();
    for (const verdict of this.#verdicts) {
      const key = `${verdict.contract} ${verdict.dueNs}`;
      assert(!told.has(key), `${key} is told twice`);
      told.add(key);
      this.#judgeVerdict(verdict);
    }
    this.#programs.forEach((program, index) => {
      const { isBroken, judge } = program;
      assert(judge.window.broken === isBroken, `${index} is broken or not, and was told otherwise`);
      if (program.kind === "heartbeat") this.#judgeSilences(program, index);
    });
  }

  #judgeVerdict({ contract, dueNs, atNs, noticedNs, reason }: Verdict): void {
    const program = this.#programs[contract]!;
    const who = `${reason} of ${contract} due ${dueNs}`;
    assert(!program.isHonest, `${who}: it keeps its contract`);
    if (program.kind === "cycle") return;
    const baseNs = dueNs - program.limitNs;
    const fresh = program.fresh.findLast((each) => each.atNs <= noticedNs);
    assert(fresh !== undefined && fresh.isJudged, `${who}: it was not to be judged`);
    assert(fresh.atNs <= baseNs, `${who}: it was excused at ${fresh.atNs}`);
    const untilNs = atNs ?? noticedNs;
    const heard = program.signs.find((sign) => sign > baseNs && sign < untilNs);
    assert(atNs !== null || heard === undefined, `${who}: it gave a sign at ${heard}`);
    assert(untilNs > dueNs, `${who}: it is not late`);
  }

  /** Every silence that lasted long enough under a watch that was there was told of, in time. */
  #judgeSilences(program: Program, index: number): void {
    const graceNs = this.#timerLateNs + APART_NS + 2000;
    const bases = [...program.signs, ...program.fresh.map(({ atNs }) => atNs)].sort((a, b) =>
      a - b
    );
    for (const [at, baseNs] of bases.entries()) {
      const dueNs = baseNs + program.limitNs;
      const latestNs = dueNs + graceNs;
      const endNs = Math.min(bases[at + 1] ?? this.#nowNs, this.#nowNs);
      const fresh = program.fresh.findLast((each) => each.atNs <= baseNs);
      if (fresh === undefined || !fresh.isJudged || endNs <= latestNs) continue;
      if (this.#away.some(({ fromNs, toNs }) => fromNs <= latestNs && toNs >= baseNs)) continue;
      const verdict = this.#verdicts.find((each) =>
        each.contract === index && each.dueNs === dueNs
      );
      assert(
        verdict !== undefined,
        `the silence of ${index} from ${baseNs} to ${endNs} is not told`,
      );
      assert(verdict.noticedNs <= latestNs, `told ${verdict.noticedNs - dueNs} ns too late`);
    }
    assert(ABSENT_NS > graceNs);
  }
}
