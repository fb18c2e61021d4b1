/** Node's reading of file URLs, to compare ours with. */
import { fileURLToPath } from "node:url";

/** The path of a `file:` URL. */
export function fromFileUrlByNode(url: string): string {
  return fileURLToPath(url);
}
