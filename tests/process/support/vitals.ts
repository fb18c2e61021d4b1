/** The default pipeline in a folder of its own, so that its data and its socket are there. */
import { startCrew, type TestCrew, type TestCrewOptions } from "../../support/crew.ts";

const ROOT = new URL("../../..", import.meta.url).pathname;
/** What the configuration imports has to be in its project. */
const IMPORTED = "examples/vitals/reading.ts";

/** Starts it. */
export async function startVitals(options: TestCrewOptions = {}): Promise<TestCrew> {
  const config = Deno.readTextFileSync(`${ROOT}/supervisor.config.ts`);
  const files = { [IMPORTED]: Deno.readTextFileSync(`${ROOT}/${IMPORTED}`) };
  const programs = config.replaceAll('deno("./examples/', `deno("${ROOT}examples/`);
  return await startCrew(programs, { ...options, files });
}

/** Waits until all of it runs. */
export async function allRun(crew: TestCrew): Promise<void> {
  await crew.until(
    "all run",
    ({ processes }) => Object.values(processes).every(({ state }) => state === "running"),
  );
}
