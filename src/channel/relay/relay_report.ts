/**
 * Takes what `@relay` has said apart: it moves users' bytes, so nothing that it says is believed
 * before it was looked at. Pure. Must not know: what a report leads to.
 */
import {
  DROP_REASONS,
  type DropReason,
  type LinkEndReason,
  type PipeNumber,
  type RelayReport,
} from "./relay_protocol.ts";

const LINK_END_REASONS: readonly string[] = [
  "malformed",
  "oversized",
  "overflow",
  "rate",
  "torn",
] satisfies LinkEndReason[];
const DETAIL_LENGTH_MAX = 200;

/** What a report may speak of. */
export interface ReportBounds {
  /** The newest pipe that was handed over. */
  readonly newestPipe: PipeNumber;
  /** Number of slots. */
  readonly slots: number;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses one packet.
 *
 * @returns the report, or null when it is none, or speaks of what there is not.
 */
export function parseReport(text: string, bounds: ReportBounds): RelayReport | null {
  const fields = parseObject(text);
  if (fields === null) return null;
  const { kind, pipe, slot, instance } = fields;
  const ofPipe = isCount(pipe) && pipe >= 1 && pipe <= bounds.newestPipe;
  const ofLeg = isCount(slot) && slot < bounds.slots && isCount(instance);
  switch (kind) {
    case "inputDone":
    case "outputDone":
    case "outputFinished":
      return ofPipe ? { kind, pipe } : null;
    case "inputCut": {
      const { why } = fields;
      if (!ofPipe || !ofLeg || !isOneOf<LinkEndReason>(why, LINK_END_REASONS)) return null;
      return { kind, slot, instance, pipe, why };
    }
    case "outputTorn":
      return ofPipe && ofLeg ? { kind, slot, instance, pipe } : null;
    case "dropped": {
      const { reason, messages, detail } = fields;
      if (!ofLeg || !isOneOf<DropReason>(reason, DROP_REASONS)) return null;
      if (!isCount(messages) || messages === 0 || !isDetail(detail)) return null;
      return { kind, slot, instance, reason, messages, detail };
    }
    default:
      return null;
  }
}

function parseObject(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value as Fields : null;
  } catch {
    return null;
  }
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isOneOf<T extends string>(value: unknown, all: readonly string[]): value is T {
  return typeof value === "string" && all.includes(value);
}

function isDetail(value: unknown): value is string | null {
  return value === null || (typeof value === "string" && value.length <= DETAIL_LENGTH_MAX);
}
