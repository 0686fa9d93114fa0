/** Builds what Python serves: `node build.js [folder]`, by default into `dist/`.
 *
 * A component is one script and one style, from its entry and the style beside it. The script is
 * an ES module, as Streamlit wants it, and leaves its default export in `component` as well, for a
 * page that holds the script inline and cannot import it (`page.html`).
 *
 * Of every JSON schema in `schemas/` there are types beside it.
 */

import { readFile, readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { compile } from "json-schema-to-typescript";

const COMPONENTS = {
  token_heatmap: "tokens/heatmap",
  filter_lab: "filter/lab",
  replay_player: "replay/player",
  compare_board: "compare/board",
  compare_lanes: "compare/lanes",
  ablation_board: "compare/ablation",
};
const HERE = import.meta.dirname;

/** @param {string} folder */
async function bundle(folder) {
  const points = Object.entries(COMPONENTS).map(([out, path]) => ({ out, in: join(HERE, path) }));
  const common = { outdir: folder, bundle: true, minify: true, target: "es2023" };
  await build({
    ...common,
    entryPoints: points.map((point) => ({ ...point, in: `${point.in}.js` })),
    charset: "utf8",
    format: "iife",
    globalName: "component",
    footer: { js: "export default component.default;" },
  });
  await build({
    ...common,
    target: "esnext", // light-dark() and nesting stay as they are written
    entryPoints: points.map((point) => ({ ...point, in: `${point.in}.css` })),
    charset: "utf8",
    banner: { css: "/* Built by `make browser`. */" }, // Streamlit takes a single line for a path
  });
}

/** @param {string} folder */
async function types(folder) {
  const schemas = join(HERE, "schemas");
  const names = (await readdir(schemas)).filter((name) => name.endsWith(".json"));
  for (const name of names) {
    const schema = JSON.parse(await readFile(join(schemas, name), "utf8"));
    const text = await compile(legible(schema), name, {
      additionalProperties: false,
      bannerComment: `/* Built by \`make browser\` from ${name}. */`,
    });
    await writeFile(join(folder, `${basename(name, ".json")}.d.ts`), text);
  }
}

/** A schema of pydantic's as the generator understands it: tuples are written as before 2020, a
 * field's title makes no type of its own, and every field is there, since Python writes all.
 *
 * @param {any} schema
 * @returns {any}
 */
function legible(schema) {
  if (Array.isArray(schema)) return schema.map(legible);
  if (typeof schema !== "object" || schema === null) return schema;
  const { prefixItems, ...rest } = schema;
  const inner = Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, legible(value)]));
  if (prefixItems) inner.items = prefixItems.map(legible);
  if (inner.properties) {
    inner.required = Object.keys(inner.properties);
    for (const field of Object.values(inner.properties)) delete field.title;
  }
  return inner;
}

const folder = process.argv[2];
await bundle(folder ?? join(HERE, "dist"));
await types(folder ?? join(HERE, "schemas"));
