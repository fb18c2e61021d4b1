/**
 * From looks at a flow to what is known of it. Pure; a memory of fixed size in the place of a
 * list of looks.
 *
 * What a look can tell of a direct pipe or a pair: how much is in it, whether a writer would
 * have to wait, and of a pipe whether anybody read since the look before. What goes through it
 * nobody counts: so there is no rate, no age, and no number of drops. `@relay` counts all three.
 * Must not know: how a look is taken.
 */

/** What one look at a flow has found. */
export interface Look {
  /** CLOCK_MONOTONIC, milliseconds. */
  readonly atMs: number;
  /** What waits: bytes, of an out-leg messages. */
  readonly fill: number;
  /** Of how many; 0: not known. */
  readonly capacity: number;
  /** Something waits to be taken; of an out-leg also what was delivered and not read. */
  readonly waits: boolean;
  /** A writer would have to wait. */
  readonly blocks: boolean;
  /** Something was taken out since the look before; null: it cannot be told. */
  readonly taken: boolean | null;
  readonly counted: Counted | null;
}

/** What `@relay` has counted. */
export interface Counted {
  readonly messages: number;
  readonly bytes: number;
  readonly dropped: number;
  readonly oldestMs: number | null;
  /** For how long nothing has moved although something waits; null: it flows. */
  readonly blockedForMs: number | null;
  readonly blockedTotalMs: number;
}

/** What is kept of a flow from look to look. */
export interface FlowMemory {
  readonly look: Look;
  readonly before: Look | null;
  /** Since when something waits and nothing was taken; null: nothing waits. */
  readonly standsSinceMs: number | null;
  /** Since when it has been empty, and nothing came through; null: it is not so. */
  readonly emptySinceMs: number | null;
  /** Such times that are over, summed up. */
  readonly stoodMs: number;
  /** Time of the first look. */
  readonly firstMs: number;
  /** Whether it blocked at the last looks, at most three, the newest first. */
  readonly blocked: readonly boolean[];
}

/** How many looks {@link holdsUp} goes back. */
const RECENT_LOOKS = 3;
/** A shorter time is the distance of two looks rather than a standstill, milliseconds. */
const STOOD_MIN_MS = 50;

/** A consumer that finds nothing for a shorter time does not wait, milliseconds. */
const DRY_MIN_MS = 100;

/** A look more. @param memory null at the first. */
export function observe(memory: FlowMemory | null, look: Look): FlowMemory {
  const standsSinceMs = standsSince(memory, look);
  return {
    look,
    before: memory?.look ?? null,
    standsSinceMs,
    emptySinceMs: emptySince(memory, look),
    stoodMs: (memory?.stoodMs ?? 0) + justStood(memory, look, standsSinceMs),
    firstMs: memory?.firstMs ?? look.atMs,
    blocked: [look.blocks, ...memory?.blocked ?? []].slice(0, RECENT_LOOKS),
  };
}

/** What is known of a flow, for people. */
export interface Figures {
  readonly fill: number;
  readonly capacity: number;
  /** Its producer has to wait, or had to at most of the last looks. */
  readonly holdsUp: boolean;
  /** Its consumer waits for something to come. */
  readonly isDry: boolean;
  /** Age of the oldest message; null: not known, or none waits. */
  readonly oldestMs: number | null;
  /** Between the last two looks; null: nobody counts them, or there was one look. */
  readonly perSecond: { readonly messages: number; readonly bytes: number } | null;
  /** So far; null: nobody counts them. */
  readonly total: { readonly messages: number; readonly bytes: number } | null;
  /** null: nobody counts them. */
  readonly dropped: number | null;
  /** For how long nothing was taken although something waits; 0: it flows. */
  readonly standsForMs: number;
  /** It stood still at the first look already: nobody knows for how long before. */
  readonly standsLonger: boolean;
  /** The time above and those before it; of a leg at least what `@relay` has seen. */
  readonly stoodMs: number;
}

/** What a memory says. */
export function figuresOf(memory: FlowMemory): Figures {
  const { look, before } = memory;
  return {
    fill: look.fill,
    capacity: look.capacity,
    holdsUp: holdsUp(memory),
    isDry: memory.emptySinceMs !== null && look.atMs - memory.emptySinceMs >= DRY_MIN_MS,
    oldestMs: look.counted?.oldestMs ?? null,
    perSecond: rate(before, look),
    total: look.counted === null
      ? null
      : { messages: look.counted.messages, bytes: look.counted.bytes },
    dropped: look.counted?.dropped ?? null,
    standsForMs: standsForMs(memory),
    standsLonger: look.taken === false && memory.standsSinceMs === memory.firstMs,
    stoodMs: Math.max(
      memory.stoodMs + standsForMs(memory),
      look.counted?.blockedTotalMs ?? 0,
    ),
  };
}

/** For how long nothing was taken although something waits, milliseconds; 0: it flows. */
export function standsForMs({ look, standsSinceMs }: FlowMemory): number {
  return standsSinceMs === null ? 0 : look.atMs - standsSinceMs;
}

/**
 * Whether the flow keeps its producer waiting: at most of the last three looks. One alone may
 * fall just between a read of a slow consumer and the next write, or find a short rush.
 */
export function holdsUp({ blocked }: FlowMemory): boolean {
  return blocked.filter((blocks) => blocks).length * 2 > blocked.length;
}

function standsSince(memory: FlowMemory | null, look: Look): number | null {
  // `@relay` keeps the time of what it can neither take nor deliver.
  const blockedForMs = look.taken === null ? look.counted?.blockedForMs ?? null : null;
  if (blockedForMs !== null) return look.atMs - blockedForMs;
  if (!look.waits) return null;
  // What was not there at the look before, or may have been taken since, has waited from now on.
  return look.taken === false ? memory?.standsSinceMs ?? look.atMs : look.atMs;
}

function emptySince(memory: FlowMemory | null, look: Look): number | null {
  if (look.waits || look.blocks) return null;
  const still = look.counted === null
    ? look.taken === false
    : look.counted.messages === memory?.look.counted?.messages;
  return still ? memory?.emptySinceMs ?? look.atMs : look.atMs;
}

/** A standstill that this look has seen the end of. */
function justStood(memory: FlowMemory | null, look: Look, sinceMs: number | null): number {
  const beganMs = memory?.standsSinceMs ?? null;
  if (memory === null || beganMs === null || beganMs === sinceMs) return 0;
  // It ended somewhere between the two looks: the part that is certain.
  const stoodMs = memory.look.atMs - beganMs;
  return stoodMs >= STOOD_MIN_MS && look.atMs > beganMs ? stoodMs : 0;
}

function rate(before: Look | null, { atMs, counted }: Look): Figures["perSecond"] {
  if (before === null || before.counted === null || counted === null) return null;
  const seconds = (atMs - before.atMs) / 1000;
  if (seconds <= 0) return null;
  return {
    messages: (counted.messages - before.counted.messages) / seconds,
    bytes: (counted.bytes - before.counted.bytes) / seconds,
  };
}
