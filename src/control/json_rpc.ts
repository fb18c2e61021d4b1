/**
 * The JSON-RPC 2.0 envelope: one message a line. Owns parsing and formatting of
 * envelopes and nothing else. Pure. Must not know: sockets, which methods exist.
 *
 * Stricter than the specification where that is safe: parameters are by name only,
 * batches are refused (one message a line is the batch), unknown members are refused.
 */
import { RPC_ERROR } from "./protocol.ts";

/** What a request may carry as its id. */
export type RpcId = string | number | null;

/** The `error` member of an answer. */
export interface RpcErrorBody {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** Parameters by name. */
export type RpcParams = Readonly<Record<string, unknown>>;

/** What one line turned out to be. */
export type ParsedLine =
  | {
    readonly kind: "request";
    readonly id: RpcId;
    readonly method: string;
    readonly params: RpcParams;
  }
  /** Gets no answer, not even an error. */
  | { readonly kind: "notification"; readonly method: string; readonly params: RpcParams }
  /** A notification that is not well formed: not executed and not answered. */
  | { readonly kind: "ignored" }
  /** `id` is that of the request where it could be told, else null. */
  | { readonly kind: "invalid"; readonly id: RpcId; readonly error: RpcErrorBody };

/** What one line from a server turned out to be. */
export type ParsedAnswer =
  | { readonly kind: "result"; readonly id: RpcId; readonly result: unknown }
  | { readonly kind: "error"; readonly id: RpcId; readonly error: RpcErrorBody }
  | { readonly kind: "notification"; readonly method: string; readonly params: RpcParams }
  | { readonly kind: "invalid"; readonly message: string };

const REQUEST_MEMBERS: ReadonlySet<string> = new Set(["jsonrpc", "id", "method", "params"]);

/**
 * Parses one line from a client.
 *
 * @param line without its newline.
 * @returns the request or notification, or the error to answer with. Never throws.
 */
export function parseRequest(line: string): ParsedLine {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return invalid(null, RPC_ERROR.parse, "the line is not JSON");
  }
  if (Array.isArray(value)) {
    return invalid(null, RPC_ERROR.invalidRequest, "batches are refused: send one request a line");
  }
  if (!isRecord(value)) {
    return invalid(null, RPC_ERROR.invalidRequest, "the message must be an object");
  }
  const hasId = Object.hasOwn(value, "id");
  const id = hasId ? value.id : null;
  if (!isId(id)) {
    return invalid(
      null,
      RPC_ERROR.invalidRequest,
      "id must be a string, a finite number or null",
    );
  }
  return parseMembers(value, id, hasId);
}

/**
 * Parses one line from a server.
 *
 * @param line without its newline.
 * @returns what it was; `invalid` when it is no JSON-RPC message. Never throws.
 */
export function parseAnswer(line: string): ParsedAnswer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return { kind: "invalid", message: "the line is not JSON" };
  }
  if (!isRecord(value) || value.jsonrpc !== "2.0") {
    return { kind: "invalid", message: "not a JSON-RPC 2.0 object" };
  }
  if (typeof value.method === "string") {
    const params = value.params ?? {};
    return isRecord(params)
      ? { kind: "notification", method: value.method, params }
      : { kind: "invalid", message: "params must be an object" };
  }
  const id = value.id;
  if (!isId(id)) return { kind: "invalid", message: "id must be a string, a number or null" };
  if (Object.hasOwn(value, "result")) return { kind: "result", id, result: value.result };
  const error = value.error;
  if (isRecord(error) && typeof error.code === "number" && typeof error.message === "string") {
    return {
      kind: "error",
      id,
      error: { code: error.code, message: error.message, data: error.data },
    };
  }
  return { kind: "invalid", message: "neither a result nor an error" };
}

/** A request as a line with its newline. */
export function formatRequest(id: RpcId, method: string, params: RpcParams): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params }) + "\n";
}

/** A notification as a line with its newline. */
export function formatNotification(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", method, params }) + "\n";
}

/** A successful answer as a line with its newline; an undefined result becomes null. */
export function formatResult(id: RpcId, result: unknown): string {
  return JSON.stringify({ jsonrpc: "2.0", id, result: result ?? null }) + "\n";
}

/** An error answer as a line with its newline. */
export function formatError(id: RpcId, error: RpcErrorBody): string {
  return JSON.stringify({ jsonrpc: "2.0", id, error }) + "\n";
}

function parseMembers(
  value: Record<string, unknown>,
  id: RpcId,
  hasId: boolean,
): ParsedLine {
  if (value.jsonrpc !== "2.0") {
    return invalid(id, RPC_ERROR.invalidRequest, 'jsonrpc must be "2.0"');
  }
  const unknown = Object.keys(value).find((key) => !REQUEST_MEMBERS.has(key));
  if (unknown !== undefined) {
    return invalid(id, RPC_ERROR.invalidRequest, `unknown member ${JSON.stringify(unknown)}`);
  }
  const method = value.method;
  if (typeof method !== "string") {
    return invalid(id, RPC_ERROR.invalidRequest, "method must be a string");
  }
  const params = Object.hasOwn(value, "params") ? value.params : {};
  if (!isRecord(params)) {
    // By the specification a notification is never answered, not even its bad parameters.
    return hasId
      ? invalid(id, RPC_ERROR.invalidParams, "params must be an object")
      : { kind: "ignored" };
  }
  return hasId ? { kind: "request", id, method, params } : { kind: "notification", method, params };
}

function invalid(id: RpcId, code: number, message: string): ParsedLine {
  return { kind: "invalid", id, error: { code, message } };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isId(value: unknown): value is RpcId {
  // 1e999 parses to Infinity, which JSON cannot give back.
  return value === null || typeof value === "string" ||
    (typeof value === "number" && Number.isFinite(value));
}
