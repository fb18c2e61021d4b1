/**
 * An error that crosses the control socket: thrown by a handler, sent as a JSON-RPC
 * error, thrown again by the client. Must not know: sockets.
 */
import type { RpcErrorBody } from "./json_rpc.ts";

/** A refusal with a code of {@link RPC_ERROR} and data for programs. */
export class ControlError extends Error {
  override readonly name = "ControlError";
  readonly code: number;
  readonly data: unknown;

  /**
   * @param code one of `RPC_ERROR`.
   * @param message one sentence for people.
   * @param data for programs; must survive JSON.
   */
  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.code = code;
    this.data = data;
  }

  /** As the `error` member of an answer. */
  toBody(): RpcErrorBody {
    return this.data === undefined
      ? { code: this.code, message: this.message }
      : { code: this.code, message: this.message, data: this.data };
  }
}
