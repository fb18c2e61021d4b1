/**
 * Runs in the sandbox that evaluates a configuration, before it and around it: imports it,
 * turns its default export into plain data and writes one line for cox to read. Loaded there
 * with no permission at all, so it imports nothing. Must not know: what a configuration means.
 */

/** What the sandbox found. */
export type Evaluated =
  | { readonly kind: "data"; readonly data: unknown }
  | { readonly kind: "noDefault"; readonly exports: readonly string[] }
  | { readonly kind: "notData"; readonly problems: readonly NotData[] }
  | {
    readonly kind: "threw";
    readonly name: string;
    readonly message: string;
    readonly stack: string;
  };

/** A value that is no data. */
export interface NotData {
  readonly path: readonly (string | number)[];
  /** What it is: `a function`, `an instance of Map`. */
  readonly what: string;
}

const DEPTH_MAX = 64;
const VALUES_MAX = 1_000_000;
const PROBLEMS_MAX = 100;

// Taken now, because the configuration is free to replace them.
const { stringify } = JSON;
const exit = Deno.exit;
const write = Deno.stdout.writeSync.bind(Deno.stdout);
const encoder = new TextEncoder();
const encode = encoder.encode.bind(encoder);

/**
 * Evaluates a configuration and reports what came of it on stdout; ends the program.
 *
 * @param marker Unguessable text that begins the report's line, so that nothing which the
 *   configuration prints can be taken for it.
 * @param load Imports the configuration.
 */
export async function report(
  marker: string,
  load: () => Promise<Record<string, unknown>>,
): Promise<never> {
  console.log = console.info = console.debug = console.error;
  takeAwayStorage();
  let result: Evaluated;
  try {
    const module = await load();
    result = "default" in module
      ? toData(module["default"])
      : { kind: "noDefault", exports: Object.keys(module).slice(0, PROBLEMS_MAX) };
  } catch (error) {
    result = thrown(error);
  }
  let bytes = encode(`\n${marker} ${stringify(result)}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(write(bytes));
  // Timers and promises that it left behind must not keep the sandbox alive.
  return exit(0);
}

/**
 * Takes away what Deno lets any program write without permission: storage on disk that
 * outlives it (localStorage, the Cache API), and workers, which have their own. The same file
 * must give the same data every time. A program that is set on it still reaches a worker
 * through Node's modules, where `storage.ts` sees to it that nothing can be kept.
 */
export function takeAwayStorage(): void {
  for (const name of ["localStorage", "caches", "Worker"]) Reflect.deleteProperty(globalThis, name);
}

/**
 * Copies a value as plain data. Keys that are `undefined` are left out, as JSON does.
 *
 * @param value What the configuration exports.
 * @returns The data, or everything in it that is none.
 */
export function toData(value: unknown): Evaluated {
  const problems: NotData[] = [];
  const parents = new Set<object>();
  let values = 0;

  function copy(each: unknown, path: (string | number)[]): unknown {
    if (problems.length >= PROBLEMS_MAX) return null;
    if (++values === VALUES_MAX) problem(path, `more than ${VALUES_MAX} values`);
    if (values >= VALUES_MAX) return null;
    if (typeof each !== "object" || each === null) {
      const what = scalarProblem(each);
      return what === null ? each : problem(path, what);
    }
    const what = parents.has(each) ? "a circle: it holds itself" : objectProblem(each);
    if (what !== null) return problem(path, what);
    if (path.length >= DEPTH_MAX) return problem(path, `nested deeper than ${DEPTH_MAX}`);
    parents.add(each);
    const result = Array.isArray(each)
      ? Array.from(each, (item, index) => copy(item, [...path, index]))
      : copyObject(each, path);
    parents.delete(each);
    return result;
  }

  function copyObject(each: object, path: (string | number)[]): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(each)) {
      if (item === undefined) continue;
      const copied = copy(item, [...path, key]);
      // Plain assignment to "__proto__" would set the prototype and lose the key.
      Object.defineProperty(result, key, { value: copied, enumerable: true });
    }
    return result;
  }

  function problem(path: (string | number)[], what: string): null {
    problems.push({ path, what });
    return null;
  }

  const data = copy(value, []);
  return problems.length === 0 ? { kind: "data", data } : { kind: "notData", problems };
}

function scalarProblem(value: unknown): string | null {
  switch (typeof value) {
    case "undefined":
      return "undefined";
    case "function":
      return /^class\b/.test(Function.prototype.toString.call(value)) ? "a class" : "a function";
    case "symbol":
      return "a symbol";
    case "bigint":
      return "a bigint";
    case "number":
      return Number.isFinite(value) ? null : String(value);
    default:
      return null;
  }
}

function objectProblem(value: object): string | null {
  if (Array.isArray(value)) return null;
  const prototype = Object.getPrototypeOf(value);
  if (prototype === null || prototype === Object.prototype) return null;
  if (value instanceof Promise) return "a promise";
  const name: unknown = prototype.constructor?.name;
  return typeof name === "string" && name !== "" && name !== "Object"
    ? `an instance of ${name.slice(0, 80)}`
    : "an object with a prototype of its own";
}

function thrown(error: unknown): Evaluated {
  const text = (value: unknown) => String(value).slice(0, 10_000);
  try {
    if (error instanceof Error) {
      const { name, message, stack } = error;
      return { kind: "threw", name: text(name), message: text(message), stack: text(stack ?? "") };
    }
    return { kind: "threw", name: "", message: text(error), stack: "" };
  } catch {
    return { kind: "threw", name: "", message: "a value that cannot be shown", stack: "" };
  }
}
