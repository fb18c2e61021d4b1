/**
 * How the messages of one framing are found in what was seen of a pipe. Owns the choice between
 * the scanners. Pure. Must not know: descriptors.
 */
import type { RelayedPlan } from "../../plan/plan.ts";
import { JsonCheck } from "./json_text.ts";
import type { LookBuffer } from "./look_buffer.ts";
import { type MessageBatch, VERDICT } from "./message_batch.ts";
import { FRAME_HEADER_BYTES, scanFrames } from "./scan_frames.ts";
import { scanLines } from "./scan_lines.ts";

/** What a relayed pipe says of its messages. */
export type MessageFormat = Pick<RelayedPlan, "framing" | "maxMessageBytes">;

const LINE_FEED_BYTES = 1;
const NOT_JSON = "must be JSON in UTF-8, is not";

/** Finds messages of one format. */
export class MessageScanner {
  readonly framing: MessageFormat["framing"];
  /** Largest message without its line feed or length. */
  readonly maxMessageBytes: number;
  /** … and with it. */
  readonly wholeBytesMax: number;
  readonly #json = new JsonCheck();

  constructor({ framing, maxMessageBytes }: MessageFormat) {
    this.framing = framing;
    this.maxMessageBytes = maxMessageBytes;
    this.wholeBytesMax = maxMessageBytes +
      (framing === "frames" ? FRAME_HEADER_BYTES : LINE_FEED_BYTES);
  }

  /** Fills the batch with what the first `length` bytes hold. */
  scan(buffer: LookBuffer, length: number, batch: MessageBatch): void {
    if (this.framing === "frames") {
      return scanFrames(buffer.bytes, length, this.maxMessageBytes, batch);
    }
    scanLines(buffer, length, this.maxMessageBytes, batch);
    if (this.framing === "ndjson") this.judge(buffer.bytes, batch);
  }

  /**
   * Condemns what is no JSON among the lines of a batch. An empty line passes: readers of NDJSON
   * skip it.
   */
  judge(bytes: Uint8Array, batch: MessageBatch): void {
    if (this.framing !== "ndjson") return;
    let start = 0;
    for (let index = 0; index < batch.count; index++) {
      const end = batch.ends[index]!;
      const isEmpty = end - start === LINE_FEED_BYTES;
      if (!isEmpty && !this.#json.isText(bytes, start, end)) {
        batch.condemn(index, VERDICT.malformed, NOT_JSON);
      }
      start = end;
    }
  }
}
