/**
 * Consumers in Python and C that wait at their doorbells, in a loop that has other things to wait
 * for. Of 100,000 samples most are waited for, and no wake-up is lost: their producer has two slots,
 * so that one who sleeps on stops it for good.
 */
import { assert, assertEquals } from "@std/assert";
import { compiledInC, PYTHON_ENV } from "../support/client_programs.ts";
import { startCrew } from "../support/crew.ts";
import { isThere } from "../support/programs.ts";

const SAMPLES = 100_000;
const missing = ["gcc", "python3"].filter((command) => !isThere(command));

const FILES = {
  "write.c": `
#include "coxswain.h"
int main(void) {
  struct cox_producer out;
  struct cox_loan loan;
  int64_t block_ns;
  if (cox_producer_connect(&out, "out", NULL, &block_ns) != COX_OK) return puts(out.fault), 100;
  for (uint32_t n = 1, random = 1; n <= ${SAMPLES}; n++) {
    if (cox_loan(&out, &loan, block_ns) != COX_OK) return puts("a wake-up was lost"), 111;
    memcpy(loan.data, &n, loan.length = 4);
    cox_publish(&out, &loan, 1);
    random ^= random << 13, random ^= random >> 17, random ^= random << 5;
    // Pauses about as long as it takes to go to sleep, and now and then a long one.
    struct timespec pause = {.tv_nsec = random % 1024 == 0 ? 5000000 : 1000 << random % 7};
    if (random % 4 == 0) nanosleep(&pause, NULL);
  }
  return 0;
}
`,
  "with_asyncio.py": `
import asyncio
from coxswain_mailbox import consumer
into = consumer("in")
turns = waits = 0
disarm = into.disarm
def count_and_disarm():
    global waits
    waits += 1
    disarm()
into.disarm = count_and_disarm
async def count_turns():
    global turns
    while True:
        turns += 1
        await asyncio.sleep(0.01)
async def cancelled():
    try:
        await asyncio.wait_for(into.next(), 0.01)
    except asyncio.TimeoutError:
        return True
async def refused():
    first = asyncio.ensure_future(into.next())
    await asyncio.sleep(0)
    try:
        await into.next()
    except RuntimeError as error:
        return str(error) == "Another call waits for this mailbox"
    finally:
        first.cancel()
        await asyncio.wait([first])
async def main():
    print("waits", await cancelled() and await refused(), flush=True)
    other = asyncio.ensure_future(count_turns())
    read = wrong = 0
    async for sample in into:
        read += 1
        wrong += int.from_bytes(sample.data, "little") != read or sample.missed != 0
        if read % 2:
            sample.release()
    other.cancel()
    print("read", read, "wrong", wrong, "by", await into.next(), "others", turns > 10, "waits", waits)
asyncio.run(main())
`,
  "with_selectors.py": `
import selectors
from coxswain_mailbox import Sample, consumer
into = consumer("in")
selector = selectors.DefaultSelector()
selector.register(into, selectors.EVENT_READ)
read = wrong = waited = 0
print("waits", selector.select(0) == [], flush=True)
while True:
    found = into.poll()
    if isinstance(found, Sample):
        read += 1
        wrong += int.from_bytes(found.data, "little") != read or found.missed != 0
        found.release()
    elif found is None:
        if into.arm():
            waited += len(selector.select())
            into.disarm()
    else:
        break
print("read", read, "wrong", wrong, "by", found, "others", True, "waits", waited)
`,
  "with_poll.c": `
#include <poll.h>
#include "coxswain.h"
int main(void) {
  struct cox_consumer in;
  struct cox_sample sample;
  enum cox_result found;
  unsigned read = 0, wrong = 0, waited = 0;
  if (cox_consumer_connect(&in, "in", NULL) != COX_OK) return puts(in.fault), 100;
  struct pollfd doorbell = {.fd = cox_fileno(&in), .events = POLLIN};
  printf("waits %s\\n", poll(&doorbell, 1, 0) == 0 ? "True" : "False");
  fflush(stdout);
  while ((found = cox_poll(&in, &sample)) == COX_SAMPLE || found == COX_NONE) {
    if (found == COX_NONE) {
      if (!cox_arm(&in)) continue;
      waited += (unsigned)poll(&doorbell, 1, -1);
      if (cox_disarm(&in) != COX_OK) return puts("gone"), 111;
      continue;
    }
    uint32_t n;
    memcpy(&n, sample.data, 4);
    wrong += n != ++read || sample.missed != 0;
    cox_release(&in, &sample);
  }
  printf("read %u wrong %u by %s others True waits %u\\n", read, wrong,
         found == COX_ENDED ? "End()" : in.fault, waited);
  return 0;
}
`,
};

const ready = `ready: { by: "line", pattern: "waits" }, restart`;

const READERS: Readonly<Record<string, string>> = {
  asyncio: `{ run: command(["python3", "./with_asyncio.py"]), env: ${PYTHON_ENV}, ${ready} }`,
  selectors: `{ run: command(["python3", "./with_selectors.py"]), env: ${PYTHON_ENV}, ${ready} }`,
  poll: `{ run: ${compiledInC("with_poll.c")}, ${ready} }`,
};

for (const [reader, source] of Object.entries(READERS)) {
  Deno.test({
    name:
      `mailbox: of ${SAMPLES} samples with pauses a consumer with ${reader} sleeps through none` +
      (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
    ignore: missing.length > 0,
    async fn() {
      const config = `
import { command, defineConfig, keepAll, mailbox } from "coxswain";
const restart = { policy: "temporary" } as const;
export default defineConfig({
  name: "loops",
  processes: {
    reader: ${source},
    writer: { run: ${compiledInC("write.c")}, restart, after: { reader: "ready" } },
  },
  channels: {
    values: mailbox({
      from: "writer.out",
      to: "reader.in",
      sampleBytes: "64B",
      slots: 2,
      history: keepAll,
      resume: "where-it-was",
      blockFor: "20s",
    }),
  },
});`;
      await using crew = await startCrew(config, { files: FILES, waitForControl: false });
      const { code } = await crew.ended();
      const output = crew.output();
      assertEquals(code, 0, output);
      const line = `^reader +\\| read ${SAMPLES} wrong 0 by End\\(\\) others True waits (\\d+)$`;
      const [, waits = "0"] = new RegExp(line, "m").exec(output) ?? [];
      assert(/\| waits True$/m.test(output) && Number(waits) > SAMPLES / 20, output);
    },
  });
}
