/** Builds what Python serves: `node build.js`; `node build.js --check` only says what is not fresh.
 *
 * A component is one script and one style, from its entry and the style beside it. The script is
 * an ES module, as Streamlit wants it, and leaves its exports in `component` as well, for a page
 * that holds the script inline and cannot import it (`page.html`).
 *
 * The engine's worker is one script, and a library another. The engine's arithmetic,
 * `engine/simd.ts`, becomes WebAssembly inside a module that the engine imports like any other.
 *
 * Of every JSON schema in `schemas/` there are types beside it.
 */

import { mkdir, readFile, readdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import asc from "assemblyscript/asc";
import { build } from "esbuild";
import { compile } from "json-schema-to-typescript";

const COMPONENTS = {
  token_heatmap: "tokens/heatmap",
  token_own: "tokens/own",
  filter_lab: "filter/lab",
  replay_player: "replay/player",
  replay_own: "replay/own",
  replay_race: "replay/race",
  replay_trial: "replay/trial",
  compare_atlas: "compare/atlas",
  compare_board: "compare/board",
  compare_lanes: "compare/lanes",
  ablation_board: "compare/ablation",
  learn_path: "learn/path",
  learn_lossless: "learn/lossless",
  copy_link: "shell/copy_link",
  explorable: "explorable/page",
  classroom_seat: "classroom/seat",
  classroom_board: "classroom/board",
  classroom_notes: "classroom/notes",
  run_figure: "runs/figure",
  run_notice: "runs/notice",
};
const WORKERS = { engine: "engine/worker_script" };
const LIBRARIES = { plotly: "runs/plotly" }; // of others, which a component imports when it needs them
const HERE = import.meta.dirname;
const SCHEMAS = join(HERE, "schemas");

/** @typedef {{ path: string, text: string }} Output */

/** @returns {Promise<Output[]>} */
async function bundles() {
  /** @param {Record<string, string>} parts
   * @param {"js" | "css"} kind
   */
  const entries = (parts, kind) =>
    Object.entries(parts).map(([out, path]) => ({ out, in: join(HERE, `${path}.${kind}`) }));
  /** @type {import("esbuild").BuildOptions & { write: false }} */
  const common = {
    outdir: join(HERE, "dist"),
    bundle: true,
    minify: true,
    charset: "utf8",
    write: false,
  };
  const script = /** @type {const} */ ({ target: "es2023", format: "iife" });
  const workers = await build({ ...common, ...script, entryPoints: entries(WORKERS, "js") });
  const libraries = await build({
    ...common,
    target: "es2023",
    format: "esm",
    entryPoints: entries(LIBRARIES, "js"),
  });
  const scripts = await build({
    ...common,
    ...script,
    entryPoints: entries(COMPONENTS, "js"),
    globalName: "component",
    footer: { js: "export default component.default;" },
  });
  const styles = await build({
    ...common,
    entryPoints: entries(COMPONENTS, "css"),
    target: "esnext", // light-dark() and nesting stay as they are written
    banner: { css: "/* Built by `make browser`. */" }, // Streamlit takes a single line for a path
  });
  return [workers, libraries, scripts, styles].flatMap(({ outputFiles }) => outputFiles);
}

/** @returns {Promise<Output>} */
async function arithmetic() {
  const options = "--enable simd --runtime stub --noAssert -O3 --outFile simd.wasm".split(" ");
  /** @type {Uint8Array | string} */
  let code = "";
  const { error, stderr } = await asc.main(["engine/simd.ts", "--baseDir", HERE, ...options], {
    writeFile: (_, contents) => {
      code = contents;
    },
  });
  if (error) throw new Error(`${error.message}\n${stderr}`);
  const text = `export default "${Buffer.from(code).toString("base64")}";\n`;
  return { path: join(HERE, "dist", "simd.js"), text };
}

/** @returns {Promise<Output[]>} */
async function types() {
  const names = (await readdir(SCHEMAS)).filter((name) => name.endsWith(".json"));
  return Promise.all(
    names.map(async (name) => {
      const schema = JSON.parse(await readFile(join(SCHEMAS, name), "utf8"));
      const text = await compile(legible(schema), name, {
        additionalProperties: false,
        bannerComment: `/* Built by \`make browser\` from ${name}. */`,
      });
      return { path: join(SCHEMAS, `${basename(name, ".json")}.d.ts`), text };
    }),
  );
}

/** A schema of pydantic's as the generator understands it: tuples are written as before 2020, a
 * field's title makes no type of its own, and a field with a default is there, since Python writes
 * it.
 *
 * @param {any} schema
 * @returns {any}
 */
function legible(schema) {
  if (Array.isArray(schema)) return schema.map(legible);
  if (typeof schema !== "object" || schema === null) return schema;
  const { prefixItems, ...rest } = schema;
  const inner = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, legible(value)]),
  );
  if (prefixItems) inner.items = prefixItems.map(legible);
  if (inner.properties) {
    inner.required = Object.keys(inner.properties).filter(
      (name) => "default" in inner.properties[name] || inner.required?.includes(name),
    );
    for (const field of Object.values(inner.properties)) delete field.title;
  }
  return inner;
}

/** @param {Output} output */
async function write({ path, text }) {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}

/** What lies in the repository and is not what the sources give, or is nothing that they give.
 *
 * @param {Output[]} outputs
 */
async function stale(outputs) {
  const made = new Map(outputs.map(({ path, text }) => [path, text]));
  const there = [
    ...(await readdir(join(HERE, "dist"))).map((name) => join(HERE, "dist", name)),
    ...(await readdir(SCHEMAS))
      .filter((name) => name.endsWith(".d.ts"))
      .map((name) => join(SCHEMAS, name)),
  ];
  const paths = [...new Set([...made.keys(), ...there])];
  const texts = await Promise.all(
    paths.map((path) => readFile(path, "utf8").catch(() => undefined)),
  );
  return paths.filter((path, at) => texts[at] !== made.get(path));
}

const check = process.argv.includes("--check");
const simd = await arithmetic();
if (!check) await write(simd); // the worker's bundle has it inside
const outputs = [simd, ...(await bundles()), ...(await types())];
if (check) {
  const names = (await stale(outputs)).map((path) => relative(HERE, path));
  if (names.length) {
    console.error(`Not what the sources give: ${names.join(", ")}. \`make browser\` builds them.`);
    process.exitCode = 1;
  }
} else {
  await Promise.all(outputs.map(write));
}
