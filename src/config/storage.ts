/**
 * Closes the storage that Deno gives to any program without a permission: the Cache API, which
 * a configuration still reaches through a worker of Node's. Deno keeps it in a folder named
 * after the program's origin; where that name is taken by a file, nothing can be stored.
 * Must not know: what is evaluated.
 */

/** The origin (`--location`) that every configuration is evaluated under. */
export const STORAGE_ORIGIN = "http://cox.invalid";
/** SHA-256 of {@link STORAGE_ORIGIN}: the name of its folder. */
const STORAGE_NAME = "d3863378332867e12a46d3250d3379f8ef80a51075438fee6b7f9078042049f8";

/**
 * Puts an empty file in the place of the storage's folder, if it is not there yet.
 *
 * @param denoDir The runtime's cache folder; made if need be.
 * @throws {Deno.errors.AlreadyExists} If something else is in that place.
 */
export async function closeStorage(denoDir: string): Promise<void> {
  const folder = `${denoDir}/location_data/web_cache`;
  const path = `${folder}/${STORAGE_NAME}`;
  if (await isEmptyFile(path)) return;
  try {
    await Deno.mkdir(folder, { recursive: true });
    await Deno.writeFile(path, new Uint8Array(), { createNew: true, mode: 0o400 });
  } catch (error) {
    // Another cox was faster; or nobody can write there, the configuration included.
    if (await isEmptyFile(path) || isUnwritable(error)) return;
    throw error;
  }
}

async function isEmptyFile(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || isUnwritable(error)) return false;
    throw error;
  }
}

function isUnwritable(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    (error as { code?: unknown }).code === "EROFS";
}
