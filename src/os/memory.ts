/**
 * Gives memory back that is not in use any more. Must not know: what it was used for.
 */
import { ownCodeRanges, releaseCode } from "./code_pages.ts";
import { packHeap } from "./heap.ts";
import { libc } from "./libc.ts";

/**
 * Returns the empty pages of the runtime's heap and of the C library's to the kernel, and lets go
 * of the code. Takes some 20 ms; what comes next takes 0.1 ms longer than usual.
 *
 * @param code Whether to let go of the code too: where every millisecond counts it stays.
 * @throws {Error} when the runtime was started without `--expose-gc`.
 */
export function giveMemoryBack({ code: withCode }: { readonly code: boolean }): void {
  // Found first and let go of last: to find them makes garbage, to collect it runs code.
  const code = withCode ? ownCodeRanges() : [];
  packHeap();
  // musl has none, and keeps less.
  libc().malloc_trim?.(0n);
  releaseCode(code);
}
