/**
 * The parameters of each control method, checked. Pure.
 * Must not know: which processes exist, what a method does.
 */
import type { RpcErrorBody, RpcParams } from "./json_rpc.ts";
import { type ControlMethods, RPC_ERROR } from "./protocol.ts";

/** A method's name. */
export type MethodName = keyof ControlMethods;

type Kind = "string" | "names" | "boolean" | "integer";
interface Field {
  readonly kind: Kind;
  readonly required: boolean;
}

/** What a name may at most measure, in UTF-16 units: longer ones name nothing. */
const STRING_LENGTH_MAX = 256;
/** How many names a call may list. */
const NAMES_MAX = 1024;

const PROCESS_FIELDS = {
  name: { kind: "names", required: true },
  wait: { kind: "boolean", required: false },
} as const;

const METHODS: Readonly<Record<MethodName, Readonly<Record<string, Field>>>> = {
  version: {},
  snapshot: {},
  start: PROCESS_FIELDS,
  stop: PROCESS_FIELDS,
  restart: PROCESS_FIELDS,
  signal: {
    name: { kind: "string", required: true },
    signal: { kind: "string", required: true },
  },
  channels: {},
  deadlines: {},
  stamps: { seconds: { kind: "integer", required: false } },
  shutdown: { wait: { kind: "boolean", required: false } },
  events: {
    since: { kind: "integer", required: false },
    follow: { kind: "boolean", required: false },
  },
};

/** Every method's name. */
export const METHOD_NAMES: readonly MethodName[] = Object.keys(METHODS) as MethodName[];

/**
 * Checks a call against the protocol.
 *
 * @returns null when `params` are those of `method` (unknown ones are refused), or the
 * error to answer with.
 */
export function checkCall(method: string, params: RpcParams): RpcErrorBody | null {
  if (!isMethodName(method)) {
    return {
      code: RPC_ERROR.methodNotFound,
      message: `there is no method ${JSON.stringify(method.slice(0, STRING_LENGTH_MAX))}`,
      data: { methods: METHOD_NAMES },
    };
  }
  const fields = METHODS[method];
  for (const key of Object.keys(params)) {
    if (!Object.hasOwn(fields, key)) {
      return refuse(`${method} has no parameter ${JSON.stringify(key)}`);
    }
  }
  for (const [key, field] of Object.entries(fields)) {
    if (!Object.hasOwn(params, key)) {
      if (field.required) return refuse(`${method} needs the parameter "${key}"`);
      continue;
    }
    if (!isOfKind(params[key], field.kind)) {
      return refuse(`${method}: "${key}" must be ${KIND_TEXT[field.kind]}`);
    }
  }
  return null;
}

/** Whether there is a method of that name. */
export function isMethodName(name: string): name is MethodName {
  return Object.hasOwn(METHODS, name);
}

const KIND_TEXT: Readonly<Record<Kind, string>> = {
  string: `a text of 1 to ${STRING_LENGTH_MAX} characters`,
  names: `a text of 1 to ${STRING_LENGTH_MAX} characters, or a list of 1 to ${NAMES_MAX} of them`,
  boolean: "true or false",
  integer: "an integer of at least 0",
};

function isOfKind(value: unknown, kind: Kind): boolean {
  switch (kind) {
    case "string":
      return isName(value);
    case "names":
      if (!Array.isArray(value)) return isName(value);
      return value.length > 0 && value.length <= NAMES_MAX && value.every(isName);
    case "boolean":
      return typeof value === "boolean";
    case "integer":
      return Number.isSafeInteger(value) && (value as number) >= 0;
  }
}

function isName(value: unknown): boolean {
  return typeof value === "string" && value.length > 0 && value.length <= STRING_LENGTH_MAX;
}

function refuse(message: string): RpcErrorBody {
  return { code: RPC_ERROR.invalidParams, message };
}
