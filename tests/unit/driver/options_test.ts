import { assertEquals, assertThrows } from "@std/assert";
import { parseSupervisorOptions } from "../../../src/driver/options.ts";

const good = {
  runDir: "/run/cox/x",
  lockFd: 3,
  guardPid: 12,
  forNs: null,
  liveNs: null,
  summaryPath: null,
  color: false,
  cgroupDir: null,
  cgroupProblem: null,
};

Deno.test("parseSupervisorOptions() reads what the front end writes", () => {
  assertEquals(parseSupervisorOptions(JSON.stringify(good)), good);
});

Deno.test("parseSupervisorOptions() refuses each field of the wrong kind", () => {
  const wrong = {
    runDir: "relative",
    lockFd: "3",
    guardPid: 1.5,
    forNs: "10s",
    summaryPath: 1,
    color: "yes",
    cgroupDir: 0,
    cgroupProblem: 0,
  };
  for (const [key, value] of Object.entries(wrong)) {
    assertThrows(
      () => parseSupervisorOptions(JSON.stringify({ ...good, [key]: value })),
      TypeError,
    );
  }
});
