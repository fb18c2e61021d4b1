/**
 * Makes lines on stdout of the samples of a program that `cox run` runs alone: the consumer of its
 * mailbox. A sealed program without any permission. It gives a sample back when its line is
 * written, so that a slow reader holds the program back, and ends when the mailbox has.
 * Must not know: who reads the lines, the program.
 */
import { mailboxConsumer } from "../../child/mailbox.ts";
import { OWN_PORT, sampleArguments } from "./sample_arguments.ts";
import { sampleLine } from "./sample_json.ts";

/** Lines are written together that are there together, up to so many characters. */
const TEXT_MAX = 65_536;
const SAMPLES_MAX = 256;
/** The user's mistake and the system's refusal, as in src/cli/exit_codes.ts. */
const EXIT_USER = 100;
const EXIT_REFUSED = 111;

if (import.meta.main) Deno.exit(tell());

/** @returns the exit code. */
function tell(): number {
  const form = sampleArguments(Deno.args);
  const consumer = mailboxConsumer(OWN_PORT, { schema: form.schema, waiting: "park" });
  for (;;) {
    const found = consumer.receiveBatch(SAMPLES_MAX);
    if (found.kind === "ended") return 0;
    if (found.kind === "corrupt") {
      console.error(
        `cox: The program has spoilt the mailbox at --port ${form.port}: ${found.fault}`,
      );
      return EXIT_USER;
    }
    if (found.kind !== "batch") continue;
    try {
      let text = "";
      for (const { sequence, bytes } of found.samples) {
        text += sampleLine(sequence, bytes, form);
        if (text.length < TEXT_MAX) continue;
        writeAll(text);
        text = "";
      }
      writeAll(text);
    } catch (error) {
      // Who read them has enough: so has cox, which then stops the program.
      if (error instanceof Deno.errors.BrokenPipe) return 0;
      if (!(error instanceof Error) || !("code" in error)) throw error;
      console.error(`cox: Cannot write what --port ${form.port} has sent: ${error.message}`);
      return EXIT_REFUSED;
    }
    consumer.releaseAll();
  }
}

function writeAll(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += Deno.stdout.writeSync(bytes.subarray(at));
}
