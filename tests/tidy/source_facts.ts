/**
 * What the tidy rules need to know of a source file, read from its syntax tree (deno lint's
 * parser, no dependency). Owns the extraction; must not know the rules.
 */

/** One file's facts. Lines count from 1. */
export interface SourceFacts {
  /** Relative to the root: `src/core/step.ts`. */
  readonly path: string;
  readonly lineCount: number;
  /** The file begins with a comment. */
  readonly hasHeader: boolean;
  /** Every module it names: imports, re-exports, dynamic and type imports. */
  readonly imports: readonly { readonly specifier: string; readonly line: number }[];
  readonly functions: readonly {
    readonly name: string;
    readonly line: number;
    readonly lineCount: number;
  }[];
  /** Every identifier that stands for a variable, a value or a type (not a property's name). */
  readonly names: readonly { readonly name: string; readonly line: number }[];
  /** `object.property` as written, both being plain names: `Math.random`, `Deno.dlopen`. */
  readonly members: readonly { readonly text: string; readonly line: number }[];
  /** Asynchronous functions, `await` and `for await`. */
  readonly asyncLines: readonly number[];
}

// The lint plugin's node types are experimental and differ by node; these are the fields read.
interface AnyNode {
  readonly type: string;
  readonly range: readonly [number, number];
  readonly parent: AnyNode | null;
  readonly name?: string;
  readonly async?: boolean;
  readonly await?: boolean;
  readonly computed?: boolean;
  readonly shorthand?: boolean;
  readonly id?: AnyNode | null;
  readonly key?: AnyNode;
  readonly object?: AnyNode;
  readonly property?: AnyNode;
  readonly value?: unknown;
  readonly source?: AnyNode | null;
  readonly argument?: AnyNode;
  readonly literal?: AnyNode;
}

/**
 * Reads the facts of one file. Works under `deno test` alone.
 *
 * @throws {Error} when the text cannot be parsed or the parser met no node.
 */
export function readFacts(path: string, text: string): SourceFacts {
  const imports: SourceFacts["imports"][number][] = [];
  const functions: SourceFacts["functions"][number][] = [];
  const names: SourceFacts["names"][number][] = [];
  const members: SourceFacts["members"][number][] = [];
  const asyncLines: number[] = [];
  const lineOf = (node: AnyNode) => lineAt(text, node.range[0]);

  const onImport = (node: AnyNode) => {
    const source = node.source ?? node.argument;
    const value = source?.literal?.value ?? source?.value;
    if (typeof value === "string") imports.push({ specifier: value, line: lineOf(node) });
  };
  const onFunction = (node: AnyNode) => {
    const line = lineOf(node);
    const lineCount = lineAt(text, node.range[1]) - line + 1;
    functions.push({ name: functionName(node), line, lineCount });
    if (node.async === true) asyncLines.push(line);
  };
  const visitor: Record<string, (node: AnyNode) => void> = {
    ImportDeclaration: onImport,
    ExportNamedDeclaration: onImport,
    ExportAllDeclaration: onImport,
    ImportExpression: onImport,
    TSImportType: onImport,
    FunctionDeclaration: onFunction,
    FunctionExpression: onFunction,
    ArrowFunctionExpression: onFunction,
    AwaitExpression: (node) => void asyncLines.push(lineOf(node)),
    ForOfStatement: (node) => void (node.await === true && asyncLines.push(lineOf(node))),
    Identifier(node) {
      if (!isPropertyName(node)) names.push({ name: node.name ?? "", line: lineOf(node) });
    },
    MemberExpression(node) {
      if (node.object?.name === undefined || node.property?.name === undefined) return;
      members.push({ text: `${node.object.name}.${node.property.name}`, line: lineOf(node) });
    },
  };
  walk(path, text, visitor);
  return {
    path,
    lineCount: text.endsWith("\n") ? text.split("\n").length - 1 : text.split("\n").length,
    hasHeader: /^\s*(\/\*|\/\/)/.test(text),
    imports,
    functions,
    names,
    members,
    asyncLines,
  };
}

function walk(path: string, text: string, visitor: Record<string, (node: AnyNode) => void>): void {
  let visited = 0;
  const counting: Record<string, (node: AnyNode) => void> = {
    Program: () => void visited++,
    ...visitor,
  };
  const plugin: Deno.lint.Plugin = {
    name: "tidy",
    rules: { facts: { create: () => counting as Deno.lint.LintVisitor } },
  };
  Deno.lint.runPlugin(plugin, path, text);
  if (visited !== 1) throw new Error(`Cannot read ${path}: the parser met ${visited} programs`);
}

/** `a.NAME`, `{ NAME: 1 }`, `NAME() {}` in a class and a type's `NAME: T` name nothing outside. */
function isPropertyName(node: AnyNode): boolean {
  const parent = node.parent;
  if (parent === null || parent.computed === true) return false;
  if (parent.type === "MemberExpression") return sameNode(parent.property, node);
  if (parent.type === "Property") return parent.shorthand !== true && sameNode(parent.key, node);
  return KEYED.has(parent.type) && sameNode(parent.key, node);
}

const KEYED = new Set([
  "MethodDefinition",
  "PropertyDefinition",
  "TSPropertySignature",
  "TSMethodSignature",
]);

function sameNode(a: AnyNode | undefined, b: AnyNode): boolean {
  return a !== undefined && a.range[0] === b.range[0] && a.range[1] === b.range[1];
}

function functionName(node: AnyNode): string {
  return node.id?.name ?? node.parent?.key?.name ?? node.parent?.id?.name ?? "(anonymous)";
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at >= 0 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
