/**
 * Gives memory back that is not in use any more. Must not know: what it was used for.
 */
import { packHeap } from "./heap.ts";
import { libc } from "./libc.ts";

/**
 * Returns the empty pages of the runtime's heap and of the C library's to the kernel.
 *
 * @throws {Error} when the runtime was started without `--expose-gc`.
 */
export function giveMemoryBack(): void {
  packHeap();
  // musl has none, and keeps less.
  libc().malloc_trim?.(0n);
}
