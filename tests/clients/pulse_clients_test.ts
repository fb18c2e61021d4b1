/**
 * The clients for Deno, C and Python stamp alike: the same calls at the same times leave the memory
 * that tests/vectors/pulse_v1.json has.
 */
import { assert, assertEquals } from "@std/assert";
import { CyclePace } from "../../src/child/cycle_pace.ts";
import {
  pulseBytes,
  type PulseLineShape,
  readPulse,
  stampSign,
  writePulse,
} from "../../src/deadline/pulse_layout.ts";
import { closeFd } from "../../src/os/pipe.ts";
import { createSharedMemory } from "../../src/os/shared_memory.ts";
import { outputOf, shellRequest, temporaryDirectory } from "../process/support/harness.ts";
import { cycleLine, HEARTBEAT, PulseMemory, stepsLine } from "../support/pulse_memory.ts";
import vector from "../vectors/pulse_v1.json" with { type: "json" };

const ROOT = new URL("../../", import.meta.url).pathname;
const LINES: readonly PulseLineShape[] = [
  HEARTBEAT,
  { ...cycleLine("sample", 1000, 8), offsetNs: 100 },
  stepsLine("boot", ["open", "read"], 8),
];
/** What was passed over, and what the clock says at the end. */
const SAID = "0 0 2 0 20107";
import { isThere } from "../support/programs.ts";

const hasGcc = isThere("gcc");
const hasPython = isThere("python3");
if (!hasGcc) console.log("no gcc: the C client is not tested");
if (!hasPython) console.log("no python3: the Python client is not tested");

/** Words that are not 0, as the vector has them. */
function wordsOf(buffer: ArrayBuffer): [number, string][] {
  return [...new Uint32Array(buffer).entries()].filter(([, word]) => word !== 0)
    .map(([at, word]) => [at, word.toString(16)]);
}

Deno.test("pulse: Deno stamps what the vector has", () => {
  const memory = new PulseMemory(LINES);
  const { words, doubles } = memory.views;
  let clockNs = 10_050;
  const [alive, sample] = readPulse(memory.buffer);
  const { periodNs, offsetNs, place } = sample!;
  const nowNs = () => clockNs;
  const sleepUntil = (atNs: number) => void (clockNs = atNs);
  const pace = new CyclePace({
    words,
    doubles,
    place,
    periodNs,
    offsetNs,
    spinNs: 0,
    nowNs,
    sleepUntil,
  });
  const wait = () => (pace.prepare(), pace.begin(), pace.skippedNow);
  stampSign(words, doubles, alive!.place, clockNs);
  const said = [wait()];
  clockNs += 300;
  said.push(wait());
  clockNs += 3500;
  said.push(wait());
  clockNs += 20;
  pace.end();
  clockNs += 20;
  pace.leave();
  clockNs += 5000;
  said.push(wait());
  stampSign(words, doubles, alive!.place, clockNs);
  memory.step(2, 0, clockNs);
  clockNs += 7;
  memory.step(2, 1, clockNs);
  assertEquals(`${said.join(" ")} ${clockNs}`, SAID);
  assertEquals(wordsOf(memory.buffer), vector.words as [number, string][]);
});

for (const language of ["C", "Python"] as const) {
  Deno.test({
    name: `pulse: ${language} stamps what the vector has`,
    ignore: language === "C" ? !hasGcc : !hasPython,
    async fn() {
      using dir = temporaryDirectory();
      const bytes = pulseBytes(LINES);
      const { fd, buffer } = createSharedMemory("pulse", bytes);
      try {
        writePulse(buffer, LINES, 1);
        const command = language === "C"
          ? `${await compile(dir.path)} 4`
          : `env COX_LINKS='{"pulse":{"fd":4,"bytes":${bytes}}}' python3 ` +
            `${ROOT}tests/clients/pulse_member.py ${ROOT}clients/python`;
        const descriptors = [{ fd: 4, source: fd }];
        const { text } = await outputOf(shellRequest(`exec ${command} 2>&1`, { descriptors }));
        assertEquals(text.trim(), SAID);
        assertEquals(wordsOf(buffer), vector.words as [number, string][]);
      } finally {
        closeFd(fd);
      }
    },
  });
}

async function compile(folder: string): Promise<string> {
  const program = `${folder}/member`;
  const { success, stderr } = await new Deno.Command("gcc", {
    args: ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", `-I${ROOT}clients/c`, "-o", program]
      .concat(`${ROOT}tests/clients/c/pulse_member.c`),
  }).output();
  assert(success, new TextDecoder().decode(stderr));
  return program;
}
