/**
 * The text of the seal: the functions of `seal.ts` as they are, and the call that starts them.
 * Must not know: what is sealed.
 */
import {
  consumerMemory,
  giveUp,
  mapMemory,
  openCalls,
  openLibrary,
  producerMemory,
  refuseSymlinks,
  seal,
} from "./seal.ts";
import type { MemoryRequest } from "./sealed_memory.ts";

const FUNCTIONS = [
  openLibrary,
  mapMemory,
  openCalls,
  producerMemory,
  consumerMemory,
  refuseSymlinks,
  giveUp,
  seal,
];

/**
 * Writes statements of a module that end with `const memory = …`.
 *
 * @param request What to map, and what of it to hand over.
 */
export function sealText(request: MemoryRequest): string {
  const given = JSON.stringify(JSON.stringify(request));
  return `${
    FUNCTIONS.map(withoutIndent).join("\n")
  }\nconst memory=await seal(JSON.parse(${given}));`;
}

/** Of its text without what the reader of a source has: it travels in the arguments of a process. */
function withoutIndent(part: (...parameters: never[]) => unknown): string {
  return part.toString().split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("//")).join("\n");
}
