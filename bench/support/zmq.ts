/** Programs in bench/programs that take libzmq, for comparisons with ZeroMQ. */
import { programPath, type Workshop } from "./workshop.ts";

/**
 * Compiles `bench/programs/NAME.c` with libzmq.
 *
 * @returns the program; null where libzmq is not installed, which is said.
 */
export async function compileZmq(workshop: Workshop, name: string): Promise<string | null> {
  const program = `${workshop.folder}/${name}`;
  const source = programPath(`${name}.c`);
  const args = ["-O2", "-Wall", "-Werror", "-o", program, source, "-lzmq"];
  const { success } = await new Deno.Command("gcc", { args, stderr: "null" }).output();
  if (success) return program;
  console.error("libzmq3-dev is not installed: no comparison with ZeroMQ");
  return null;
}
