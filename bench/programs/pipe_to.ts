/** What stands between two programs when nothing else does: stdin to stdout. */
await Deno.stdin.readable.pipeTo(Deno.stdout.writable);
