/**
 * Stands in for the front end: claims the run directory, makes the cgroup if it may, and
 * becomes the guard over the stand-in supervisor.
 *
 * Arguments: JSON of {@link FrontRequest}.
 */
import { createCrewCgroup } from "../../../src/process/crew_cgroup.ts";
import { becomeGuard } from "../../../src/process/guard.ts";
import { claimRunDir, noteCgroup } from "../../../src/process/run_dir.ts";

export interface FrontRequest {
  readonly runDir: string;
  readonly cgroup: boolean;
  /** Given to the supervisor as it is. */
  readonly supervisor: unknown;
}

if (import.meta.main) {
  const request = JSON.parse(Deno.args[0]!) as FrontRequest;
  const claim = claimRunDir(request.runDir);
  if (claim.kind === "held") {
    console.log(JSON.stringify(claim));
    Deno.exit(111);
  }
  console.log(JSON.stringify(claim));
  const cgroup = request.cgroup ? createCrewCgroup("test", Deno.pid) : null;
  if (cgroup?.kind === "unavailable") throw new Error(cgroup.why);
  const cgroupDir = cgroup?.dir ?? null;
  if (cgroupDir !== null) noteCgroup(request.runDir, cgroupDir);
  becomeGuard({
    supervisor: {
      kind: "start",
      argv: [
        Deno.execPath(),
        "run",
        "-A",
        new URL("./stand_in_supervisor.ts", import.meta.url).pathname,
        JSON.stringify({ guardPid: Deno.pid, cgroupDir, request: request.supervisor }),
      ],
    },
    env: Object.entries(Deno.env.toObject()),
    lockFd: claim.lockFd,
    runDir: request.runDir,
    hold: cgroupDir,
  });
}
