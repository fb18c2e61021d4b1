/**
 * Grants of a sandboxed program: from the configuration's scoped lists to `--allow-…` flags.
 * Owns the form of each grant, and what no list may say. Must not know: what a write grant
 * may cover (`write_grants.ts`), the rest of the command line.
 */
import type { DenoPermissions } from "../config/config.ts";
import type { IssuePath, Issues } from "./issues.ts";
import { resolvePath } from "./paths.ts";

/** The kinds of grants, in the order in which their flags are written. */
export const PERMISSION_KINDS = [
  "read",
  "write",
  "net",
  "env",
  "sys",
  "run",
  "ffi",
  "import",
] as const;

/** One kind of grant. */
export type PermissionKind = typeof PERMISSION_KINDS[number];

/** Where the grants come from and what relative ones are relative to. */
export interface PermissionRequest {
  readonly permissions: DenoPermissions | undefined;
  /** Absolute directory of the configuration. */
  readonly projectDir: string;
  /** Path of the `permissions` key, for issues. */
  readonly path: IssuePath;
}

/**
 * Derives the flags of a program: `--allow-KIND=a,b` for each kind with a list, nothing else.
 *
 * @param request The grants.
 * @param issues Receives what is refused, and a warning for what amounts to full trust.
 * @returns Flags in the order of {@link PERMISSION_KINDS}.
 */
export function permissionFlags(request: PermissionRequest, issues: Issues): string[] {
  const flags: string[] = [];
  for (const kind of PERMISSION_KINDS) {
    const grants = request.permissions?.[kind] ?? [];
    if (grants.length === 0) continue;
    const path = [...request.path, kind];
    if (kind === "run" || kind === "ffi") warnFullTrust(kind, path, issues);
    const values = grants.flatMap((grant, at) => {
      if (!isScoped(grant, kind, [...path, at], issues)) return [];
      const value = grantValue(kind, grant, request.projectDir);
      return isOneValue(value, kind, [...path, at], issues) ? [value] : [];
    });
    // A flag without a value would grant everything: a list that has lost all its entries
    // to issues must not become one, even though it will be refused.
    if (values.length > 0) flags.push(`--allow-${kind}=${values.join(",")}`);
  }
  return flags;
}

/**
 * What a grant says on the command line: paths become absolute, all else stays as written.
 *
 * @param kind Kind of the grant.
 * @param grant As written.
 * @param projectDir What relative paths are relative to.
 */
export function grantValue(kind: PermissionKind, grant: string, projectDir: string): string {
  switch (kind) {
    case "read":
    case "write":
    case "ffi":
      return resolvePath(projectDir, grant);
    case "run":
      // A bare name is looked up in the program's PATH.
      return grant.includes("/") ? resolvePath(projectDir, grant) : grant;
    case "net":
      return grant.startsWith("unix:")
        ? `unix:${resolvePath(projectDir, grant.slice("unix:".length))}`
        : grant;
    case "env":
    case "sys":
    case "import":
      return grant;
  }
}

function isScoped(grant: string, kind: PermissionKind, path: IssuePath, issues: Issues): boolean {
  if (grant.trim() === "") {
    issues.error(path, `a ${kind} grant must not be empty: it would grant everything`, "remove it");
    return false;
  }
  if (kind === "sys" && grant === "inspector") {
    issues.error(
      path,
      'the sys grant "inspector" is refused: an inspector reads the internals of the sandbox',
      "remove it",
    );
    return false;
  }
  return true;
}

/** Looks at the whole value: the comma may be in the project's own path. */
function isOneValue(value: string, kind: PermissionKind, path: IssuePath, issues: Issues): boolean {
  if (!value.includes(",")) return true;
  issues.error(
    path,
    `a ${kind} grant must not contain a comma, is ${JSON.stringify(value)}`,
    value.startsWith("/")
      ? "grants are separated by commas: rename the file or folder"
      : "write each grant as an entry of its own",
  );
  return false;
}

function warnFullTrust(kind: "run" | "ffi", path: IssuePath, issues: Issues): void {
  const why = kind === "run"
    ? "a program that it starts is in no sandbox"
    : "native code can do whatever the user can";
  issues.warning(path, `a ${kind} grant amounts to full trust: ${why}`, null);
}
