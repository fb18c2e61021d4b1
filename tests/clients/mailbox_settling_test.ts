/**
 * A producer that waits for room, in C and in Python: a consumer's cursor that was written by an
 * ordinary store, and looked for too early, is found by a second look, and nobody rings for it.
 */
import { assert, assertEquals } from "@std/assert";
import { closeFd } from "../../src/os/pipe.ts";
import { outputOf, shellRequest, temporaryDirectory } from "../process/support/harness.ts";
import { shapeWith, sharedMailbox } from "../support/mailbox_memory.ts";
import { isThere } from "../support/programs.ts";

const ROOT = new URL("../../", import.meta.url).pathname;
const SETTLE_NS = 1e6;

/** See tests/clients/c/mailbox_settling.c, which does the same. */
const PYTHON = (how: string) => `
import sys, time
sys.path.insert(0, "${ROOT}clients/python")
sys.dont_write_bytecode = True
import coxswain_mailbox as m
out = m.Producer(4, [5], m.Shape(2, 64, keep_all=True))
page = m._Memory(5, 4096, True)
def wait(self, word, seen, timeout_s):
    print(round(timeout_s * 1e9), out._samples.words[m._PRODUCER_ARMED] & 0xFF)
    if timeout_s < 0.5:
        time.sleep(timeout_s)
    if ${how === "late" ? "True" : "timeout_s > 0.5"}:
        page.words[m._CURSOR] = 1
m._Memory.wait = wait
for n in range(3):
    assert out.send(b"", timeout_s=20)
print("published", out.published, "armed", out._samples.words[m._PRODUCER_ARMED] & 0xFF)
`;

async function linesOf(language: string, how: string): Promise<string[]> {
  using dir = temporaryDirectory();
  const memory = sharedMailbox(shapeWith({ slots: 2, history: "keepAll" }));
  Deno.writeTextFileSync(`${dir.path}/settling.py`, PYTHON(how));
  const command = language === "Python"
    ? `exec python3 ${dir.path}/settling.py`
    : `gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I${ROOT}clients/c ` +
      `-o ${dir.path}/settling ${ROOT}tests/clients/c/mailbox_settling.c && ` +
      `exec ${dir.path}/settling ${how}`;
  const { text } = await outputOf(shellRequest(command, {
    descriptors: [
      { fd: 4, source: memory.samples.fd },
      { fd: 5, source: memory.consumers[0]!.fd },
    ],
  }));
  for (const { fd } of [memory.samples, ...memory.consumers]) closeFd(fd);
  return text.trimEnd().split("\n");
}

for (const [language, program] of [["C", "gcc"], ["Python", "python3"]] as const) {
  Deno.test({
    name: `mailbox: a producer in ${language} looks again before it sleeps for long` +
      (isThere(program) ? "" : ` (skipped: no ${program})`),
    ignore: !isThere(program),
    async fn() {
      const late = await linesOf(language, "late");
      assertEquals(late.length, 2, late.join("\n"));
      const [first = 0, armed] = late[0]!.split(" ").map(Number);
      assert(first > 0 && first <= SETTLE_NS, late[0]);
      assertEquals([armed, late[1]], [1, "published 3 armed 0"]);
      const never = await linesOf(language, "never");
      const sleeps = never.slice(0, -1).map((line) => line.split(" ").map(Number));
      // What may have settled by the look before it is looked at no more: it sleeps on.
      const long = sleeps.filter(([ns = 0]) => ns > SETTLE_NS);
      assert(sleeps[0]![0]! <= SETTLE_NS && long.length === 1, never.join("\n"));
      assertEquals([sleeps.every(([, by]) => by === 1), never.at(-1)], [
        true,
        "published 3 armed 0",
      ]);
    },
  });
}
