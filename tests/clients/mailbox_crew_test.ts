/**
 * Mailboxes of a crew with each language at each end: what one writes the other two and itself
 * read, all of it (keepAll), through what COX_LINKS and the preload tell. The Deno consumer waits
 * on its event loop, so that every producer rings doorbells as well.
 */
import { assert, assertEquals } from "@std/assert";
import { compiledInC, PYTHON_ENV } from "../support/client_programs.ts";
import { startCrew } from "../support/crew.ts";
import { isThere } from "../support/programs.ts";

const CHILD = new URL("../../src/child/mod.ts", import.meta.url).href;
const SAMPLES = 20_000;

const missing = ["gcc", "python3"].filter((command) => !isThere(command));

const FILES = {
  "write.ts": `
import { mailboxProducer, struct } from "${CHILD}";
const out = mailboxProducer("out", { schema: struct({ n: "u32", values: ["f64", 2], sign: "i8" }) });
for (let n = 1; n <= ${SAMPLES}; n++) {
  const loan = out.loan();
  if (loan.kind === "full") throw new Error("full");
  loan.fields.n = n;
  loan.fields.values[0] = n / 2;
  loan.fields.values[1] = -n;
  loan.fields.sign = n % 2 === 0 ? 1 : -1;
  loan.originNs = n;
  out.publish();
}
`,
  "read.ts": `
import { mailboxConsumer, struct } from "${CHILD}";
const into = mailboxConsumer("in", { schema: struct({ n: "u32", values: ["f64", 2], sign: "i8" }) });
let read = 0, wrong = 0;
for await (const { fields, originNs, sequence, missed } of into) {
  const { n, values, sign } = fields;
  read++;
  const good = values[0] === n / 2 && values[1] === -n && sign === (n % 2 === 0 ? 1 : -1);
  if (!good || n !== read || originNs !== n || sequence !== n || missed !== 0) wrong++;
}
console.log("read", read, "wrong", wrong);
`,
  "write.py": `
from coxswain_mailbox import producer
out = producer("out", "struct{n:u32;values:f64[2];sign:i8;}")
copied = out.struct()
for n in range(1, ${SAMPLES} + 1):
    loan = out.loan() if n % 3 else None
    value = loan.fields if loan else copied
    value.n, value.values[0], value.values[1] = n, n / 2, -n
    value.sign = 1 if n % 2 == 0 else -1
    if loan:
        loan.origin_ns = n
        loan.publish()
    else:
        assert out.send(copied, origin_ns=n)
`,
  "read.py": `
from coxswain_mailbox import consumer
read = wrong = 0
for sample in consumer("in", "struct{n:u32;values:f64[2];sign:i8;}").samples():
    value = sample.fields()
    read += 1
    good = value.values[0] == value.n / 2 and value.values[1] == -value.n
    good = good and value.sign == (1 if value.n % 2 == 0 else -1)
    if not good or not value.n == read == sample.origin_ns == sample.sequence or sample.missed:
        wrong += 1
    sample.release()
print("read", read, "wrong", wrong)
`,
  "peer.c": `
#include "coxswain.h"
#define VALUE(number, array) number(u32, n) array(f64, values, 2) number(i8, sign)
COX_STRUCT(value, VALUE)
static int write_all(void) {
  struct cox_producer out;
  int64_t block_ns;
  if (cox_producer_connect(&out, "out", value_schema, &block_ns) != COX_OK)
    return fprintf(stderr, "%s\\n", out.fault), 100;
  for (uint32_t n = 1; n <= ${SAMPLES}; n++) {
    struct cox_loan loan;
    if (cox_loan(&out, &loan, block_ns) != COX_OK) return 111;
    *(struct value *)(void *)loan.data =
        (struct value){.n = n, .values = {n / 2.0, -(double)n}, .sign = n % 2 == 0 ? 1 : -1};
    loan.origin_ns = n;
    cox_publish(&out, &loan, 1);
  }
  return 0;
}
static int read_all(void) {
  struct cox_consumer in;
  struct cox_sample sample;
  unsigned read = 0, wrong = 0;
  if (cox_consumer_connect(&in, "in", value_schema) != COX_OK)
    return fprintf(stderr, "%s\\n", in.fault), 100;
  while (cox_receive(&in, &sample, -1) == COX_SAMPLE) {
    const struct value *v = (const void *)sample.data;
    read++;
    if (v->values[0] != v->n / 2.0 || v->values[1] != -(double)v->n || v->n != read ||
        v->sign != (v->n % 2 == 0 ? 1 : -1) || sample.origin_ns != read ||
        sample.sequence != read || sample.missed != 0)
      wrong++;
    cox_release(&in, &sample);
  }
  printf("read %u wrong %u\\n", read, wrong);
  return 0;
}
int main(int argc, char **argv) {
  return argc > 1 && argv[1][0] == 'w' ? write_all() : read_all();
}
`,
};

const python = (file: string) =>
  `{ run: command(["python3", "./${file}"]), env: ${PYTHON_ENV}, restart }`;
const c = (role: string) => `{ run: ${compiledInC("peer.c", role)}, restart }`;

const WRITERS = {
  Deno: `{ run: deno("./write.ts"), restart }`,
  Python: python("write.py"),
  C: c("write"),
};

for (const [language, writer] of Object.entries(WRITERS)) {
  Deno.test({
    name: `mailbox: what ${language} writes, Deno, Python and C read in one crew` +
      (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
    ignore: missing.length > 0,
    async fn() {
      const config = `
import { command, defineConfig, deno, keepAll, mailbox, struct } from "coxswain";
const restart = { policy: "temporary" } as const;
export default defineConfig({
  name: "languages",
  processes: {
    writer: ${writer},
    deno: { run: deno("./read.ts"), restart },
    python: ${python("read.py")},
    c: ${c("read")},
  },
  channels: {
    values: mailbox({
      from: "writer.out",
      to: ["deno.in", "python.in", "c.in"],
      schema: struct({ n: "u32", values: ["f64", 2], sign: "i8" }),
      slots: 32,
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
      for (const reader of ["deno", "python", "c"]) {
        const line = new RegExp(`^${reader} +\\| read ${SAMPLES} wrong 0$`, "m");
        assert(line.test(output), output);
      }
    },
  });
}

const OTHERS = {
  Python: python("other.py"),
  C: c("other"),
};
const OTHER_FILES = {
  "other.py": `
from coxswain_mailbox import consumer
consumer("in", "struct{n:u64;}")
`,
  "peer.c": `
#include "coxswain.h"
int main(void) {
  struct cox_consumer in;
  enum cox_result result = cox_consumer_connect(&in, "in", "struct{n:u64;}");
  printf("result %d: %s\\n", result == COX_OK, in.fault);
  return 0;
}
`,
};

for (const [language, reader] of Object.entries(OTHERS)) {
  Deno.test({
    name: `mailbox: ${language} that means another struct is refused at its start` +
      (missing.length === 0 ? "" : ` (skipped: no ${missing.join(", ")})`),
    ignore: missing.length > 0,
    async fn() {
      const config = `
import { command, defineConfig, mailbox, struct } from "coxswain";
const restart = { policy: "temporary" } as const;
export default defineConfig({
  name: "other",
  processes: { writer: { run: command(["true"]), restart }, reader: ${reader} },
  channels: {
    values: mailbox({ from: "writer.out", to: "reader.in", schema: struct({ n: "u32" }) }),
  },
});`;
      await using crew = await startCrew(config, { files: OTHER_FILES, waitForControl: false });
      await crew.ended();
      const said = language === "C"
        ? `result 0: samples of "in" are struct{n:u32;} in the configuration, and here struct{n:u64;}`
        : "Samples of 'in' are struct{n:u32;} in the configuration, and here struct{n:u64;}";
      assert(crew.output().includes(said), crew.output());
    },
  });
}
