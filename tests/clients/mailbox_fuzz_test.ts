/**
 * A million corrupted headers to the C client, built to die of what C leaves undefined and of a byte
 * that is read behind its memory, and a hundred thousand to the Python client: each says that the
 * link has ended and why, and tells its page, or goes on with numbers that fit.
 * tests/unit/child/mailbox/fuzz_test.ts has those to the client for Deno.
 */
import { assert } from "@std/assert";
import { shapeWith } from "../support/mailbox_memory.ts";
import { outputOf, shellRequest, temporaryDirectory } from "../process/support/harness.ts";
import { isThere } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

const CLIENTS = {
  C: {
    program: "gcc",
    rounds: 340_000,
    command: (folder: string) =>
      `gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -fsanitize=undefined ` +
      `-fno-sanitize-recover=all -I${ROOT}clients/c -o ${folder}/fuzz ` +
      `${ROOT}tests/clients/c/mailbox_fuzz.c && exec ${folder}/fuzz`,
  },
  Python: {
    program: "python3",
    rounds: 34_000,
    command: () => `exec python3 ${ROOT}tests/clients/mailbox_fuzz.py`,
  },
};

const SHAPES = [
  [1, shapeWith()],
  [2, shapeWith({ history: "keepAll", keep: 0, slots: 16 })],
  [3, shapeWith({ checksum: "crc32c" })],
] as const;

for (const [language, { program, rounds, command }] of Object.entries(CLIENTS)) {
  for (const [seed, shape] of SHAPES) {
    Deno.test({
      name: `${language}: ${rounds} corrupted headers of ${shape.history}, checksum ` +
        `${shape.checksum}, seed ${seed}` +
        (isThere(program) ? "" : ` (skipped: no ${program})`),
      ignore: !isThere(program),
      async fn() {
        using dir = temporaryDirectory();
        const { slots, sampleBytes, history, keep, checksum } = shape;
        const kind = [history === "keepAll" ? 1 : 0, keep, checksum === "crc32c" ? 1 : 0];
        const numbers = [slots, sampleBytes, ...kind, rounds, seed];
        const { exit, text } = await outputOf(
          shellRequest(`${command(dir.path)} ${numbers.join(" ")} ${ROOT}clients/python`),
        );
        assert(exit.reason.kind === "code" && exit.reason.code === 0, text);
        const counts = JSON.parse(text) as Record<string, number>;
        const sum = Object.values(counts).reduce((all, count) => all + count);
        assert(sum === rounds, text);
        for (const outcome of ["refused", "corrupt", "sample"]) {
          assert((counts[outcome] ?? 0) > rounds / 100, text);
        }
      },
    });
  }
}
