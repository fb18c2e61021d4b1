/**
 * Makes samples of the lines of stdin, for a program that `cox run` runs alone: the producer of its
 * mailbox. A sealed program without any permission, as the one that it feeds. It ends with its
 * input, and with that the mailbox; at a line that is no sample it says which, and exits with 100.
 * Must not know: where lines come from, the program.
 */
import { mailboxProducer } from "../../child/mailbox.ts";
import { NdjsonError, readNdjson } from "../../child/read_ndjson.ts";
import { OWN_PORT, sampleArguments } from "./sample_arguments.ts";
import { lineBytesMax, sampleBytesOf } from "./sample_json.ts";

/** The user's mistake, as in src/cli/exit_codes.ts. */
const EXIT_USER = 100;

if (import.meta.main) {
  const form = sampleArguments(Deno.args);
  const producer = mailboxProducer(OWN_PORT, { schema: form.schema, waiting: "park" });
  const samples = readNdjson(Deno.stdin.readable, {
    maxLineBytes: lineBytesMax(form),
    parse: (value) => sampleBytesOf(value, form),
  });
  try {
    for await (const bytes of samples) {
      // Each try waits, asleep, for as long as `blockFor` says; there is nothing else to do here.
      while (producer.send(bytes).kind === "full");
    }
  } catch (error) {
    if (!(error instanceof NdjsonError)) throw error;
    console.error(`cox: Cannot feed --port ${form.port}: ${error.message}`);
    Deno.exitCode = EXIT_USER;
  }
}
