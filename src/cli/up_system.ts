/**
 * The parts of `cox up` that touch the system: loaded together, after the evaluation of the
 * configuration was started.
 */
export { openFilesMax } from "../os/open_files.ts";
export { descriptorsNeeded } from "../plan/descriptor_need.ts";
export { supervisorFlags } from "../plan/supervisor_flags.ts";
export { createCrewCgroup } from "../process/crew_cgroup.ts";
export {
  INIT_PID,
  inPidNamespace,
  PID_NAMESPACE,
  pidNamespaceProblem,
} from "../process/pid_namespace.ts";
export { startSupervisorAhead } from "./supervisor_ahead.ts";
export { becomeGuard, becomeSubreaper } from "../process/guard.ts";
export { claimRunDir, noteCgroup } from "../process/run_dir.ts";
