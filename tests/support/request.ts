/** Requests to a running test crew. */
import { connectControl } from "../../src/control/client.ts";
import type { RequestResult } from "../../src/control/protocol.ts";
import type { TestCrew } from "./crew.ts";

/** Asks for one process or group and waits until it is done. */
export async function request(
  { runDir }: Pick<TestCrew, "runDir">,
  op: "start" | "stop" | "restart",
  name: string,
): Promise<RequestResult> {
  using client = await connectControl(`${runDir}/control.sock`);
  return await client.call(op, { name });
}
