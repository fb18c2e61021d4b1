/** The file mode mask of this process. Must not know: which files are made under it. */
import { libc } from "./libc.ts";

/**
 * Sets the mask, without the unscoped `sys` permission that `Deno.umask` wants.
 *
 * @param mask 0 … 0o777.
 * @returns the mask before.
 */
export function setUmask(mask: number): number {
  return libc().umask(mask);
}
