/** The recorder's file: torn tails, rotation, and what permission it takes. */
import { assertEquals } from "@std/assert";
import { JsonlFile } from "../../../examples/vitals/jsonl_file.ts";

async function withFolder(body: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const line = (n: number) => JSON.stringify({ n }) + "\n";

Deno.test("JsonlFile cuts off an unfinished last line, however long, and keeps the rest", async () => {
  await withFolder((folder) => {
    const path = `${folder}/a.jsonl`;
    for (const torn of ["", '{"n":', "x".repeat(65536), "x".repeat(65537), "x".repeat(200_000)]) {
      for (const whole of ["", line(1), line(1) + line(2)]) {
        Deno.writeTextFileSync(path, whole + torn);
        {
          using file = new JsonlFile({ path, maxBytes: 1 << 20, keep: 1 });
          assertEquals(file.sizeBytes, whole.length);
          file.append({ n: 9 });
        }
        assertEquals(Deno.readTextFileSync(path), whole + line(9));
      }
    }
  });
});

Deno.test("JsonlFile.append() rotates at maxBytes + 1, not at maxBytes, and keeps that many", async () => {
  await withFolder((folder) => {
    const path = `${folder}/a.jsonl`;
    const maxBytes = line(1).length * 2;
    {
      using file = new JsonlFile({ path, maxBytes, keep: 2 });
      for (let n = 1; n <= 7; n++) file.append({ n });
    }
    assertEquals(Deno.readTextFileSync(path), line(7));
    assertEquals(Deno.readTextFileSync(`${folder}/a.1.jsonl`), line(5) + line(6));
    assertEquals(Deno.readTextFileSync(`${folder}/a.2.jsonl`), line(3) + line(4));
    assertEquals([...Deno.readDirSync(folder)].length, 3);
  });
});

Deno.test("JsonlFile.append() writes a line above maxBytes into a file of its own", async () => {
  await withFolder((folder) => {
    const path = `${folder}/a.jsonl`;
    {
      using file = new JsonlFile({ path, maxBytes: 4, keep: 1 });
      file.append("long line");
      file.append(1);
    }
    assertEquals(Deno.readTextFileSync(path), "1\n");
    assertEquals(Deno.readTextFileSync(`${folder}/a.1.jsonl`), '"long line"\n');
  });
});

Deno.test("recorder.ts needs its own folder alone, makes it, and survives a torn file", async () => {
  await withFolder(async (folder) => {
    const importMap = `${folder}/import_map.json`;
    const root = new URL("../../../", import.meta.url);
    const imports = { "coxswain/child": new URL("src/child/mod.ts", root).href };
    await Deno.writeTextFile(importMap, JSON.stringify({ imports }));
    const data = `${folder}/data`;
    const sample = {
      at: "2026-01-01T00:00:00.000Z",
      seq: 0,
      lateMs: 0,
      skipped: 0,
      load: 0,
      memoryTotalBytes: 2,
      memoryAvailableBytes: 1,
      cpuBusyMs: 0,
      cpuTotalMs: 0,
      cpu: 0,
      memory: 0.5,
      unusual: [],
      alerts: [{ metric: "cpu", kind: "raised", value: 1, usual: 0, score: 9 }],
    };
    for (let run = 1; run <= 2; run++) {
      await using child = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "--no-prompt",
          "--no-config",
          `--import-map=${importMap}`,
          "--allow-read=./data",
          "--allow-write=./data",
          new URL("examples/vitals/recorder.ts", root).href,
          "./data",
        ],
        cwd: folder,
        stdin: "piped",
        stderr: "piped",
        env: { NO_COLOR: "1" },
      }).spawn();
      const writer = child.stdin.getWriter();
      await writer.write(new TextEncoder().encode(JSON.stringify(sample) + "\nnot json\n"));
      await writer.close();
      const stderr = await new Response(child.stderr).text();
      const offset = JSON.stringify(sample).length + 1;
      assertEquals(stderr, `skipped: Line 2 (byte ${offset}) must be JSON, is "not json"\n`);
      assertEquals((await child.status).code, 0);
      const samples = await Deno.readTextFile(`${data}/samples.jsonl`);
      assertEquals(samples, (JSON.stringify(sample) + "\n").repeat(run));
      const alert = JSON.stringify({ at: sample.at, ...sample.alerts[0] }) + "\n";
      assertEquals(await Deno.readTextFile(`${data}/alerts.jsonl`), alert.repeat(run));
      await Deno.writeTextFile(`${data}/samples.jsonl`, '{"torn', { append: true });
    }
  });
});
