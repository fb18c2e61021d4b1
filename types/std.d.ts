// Ambient types for the `@std/*` names that deno.json maps onto npm:deno-std, which ships
// plain JavaScript. Declare only what is used; the day JSR serves the packages, this file goes.

declare module "@std/assert" {
  /** Fails with `message` unless `condition` holds. */
  export function assert(condition: unknown, message?: string): asserts condition;
  /** Fails unless the values are equal, deeply. */
  export function assertEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertNotEquals<T>(actual: T, expected: T, message?: string): void;
  export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void;
  export function assertExists<T>(actual: T, message?: string): asserts actual is NonNullable<T>;
  export function assertMatch(actual: string, expected: RegExp, message?: string): void;
  export function assertStringIncludes(actual: string, expected: string, message?: string): void;
  export function assertGreaterOrEqual<T>(actual: T, expected: T, message?: string): void;
  export function assertLessOrEqual<T>(actual: T, expected: T, message?: string): void;
  export function assertThrows<E extends Error = Error>(
    fn: () => unknown,
    errorClass?: abstract new (...args: never[]) => E,
    messageIncludes?: string,
  ): E;
  export function assertRejects<E extends Error = Error>(
    fn: () => PromiseLike<unknown>,
    errorClass?: abstract new (...args: never[]) => E,
    messageIncludes?: string,
  ): Promise<E>;
  export function fail(message?: string): never;
  export function unreachable(message?: string): never;
}

declare module "@std/async/deadline" {
  /** Rejects with a DOMException "TimeoutError" when `promise` takes longer than `ms`. */
  export function deadline<T>(
    promise: Promise<T>,
    ms: number,
    options?: { signal?: AbortSignal },
  ): Promise<T>;
}

declare module "@std/async/delay" {
  /** Resolves after `ms`. */
  export function delay(
    ms: number,
    options?: { signal?: AbortSignal; persistent?: boolean },
  ): Promise<void>;
}

declare module "@std/cli/parse-args" {
  /** Parses command-line arguments, minimist's way. */
  export function parseArgs(args: readonly string[], options?: {
    boolean?: readonly string[];
    string?: readonly string[];
    collect?: readonly string[];
    negatable?: readonly string[];
    alias?: Record<string, string | readonly string[]>;
    default?: Record<string, unknown>;
    stopEarly?: boolean;
    "--"?: boolean;
    unknown?: (arg: string, key?: string, value?: unknown) => unknown;
  }): Record<string, unknown> & { _: (string | number)[]; "--"?: string[] };
}

declare module "@std/fmt/colors" {
  export function setColorEnabled(value: boolean): void;
  export function getColorEnabled(): boolean;
  export function bold(text: string): string;
  export function dim(text: string): string;
  export function red(text: string): string;
  export function green(text: string): string;
  export function yellow(text: string): string;
  export function blue(text: string): string;
  export function magenta(text: string): string;
  export function cyan(text: string): string;
  export function gray(text: string): string;
  export function stripAnsiCode(text: string): string;
}

declare module "@std/text/closest-string" {
  /** The entry of `possibleWords` nearest to `givenWord` (Levenshtein by default). */
  export function closestString(
    givenWord: string,
    possibleWords: readonly string[],
    options?: { caseSensitive?: boolean; compareFn?: (a: string, b: string) => number },
  ): string;
}

declare module "@std/text/levenshtein-distance" {
  /** The number of single-character edits between two texts. */
  export function levenshteinDistance(first: string, second: string): number;
}

declare module "@std/jsonc/parse" {
  /** Parses JSON with comments and trailing commas. Throws SyntaxError. */
  export function parse(text: string): unknown;
}
