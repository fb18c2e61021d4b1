/** Whether real-time policies can be had here. */
import { runToEnd } from "./workshop.ts";

/** Whether this machine lets nobody have SCHED_FIFO; says so, for a row will be missing. */
export async function refusesFifo(priority: number): Promise<boolean> {
  try {
    await runToEnd(["chrt", "-f", `${priority}`, "true"]);
    return false;
  } catch (error) {
    console.error("SCHED_FIFO is refused here: no row with it.", error);
    return true;
  }
}
