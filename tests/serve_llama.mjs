// What `tests.llama_check` runs where node-llama-cpp is: llama.cpp reads the GGUF pair, splits texts and decodes.
import { readFileSync } from "node:fs";
import { DraftSequenceTokenPredictor, getLlama } from "node-llama-cpp";

const { texts, rows } = JSON.parse(readFileSync("predicted.json", "utf8"));
const EXACT = { experimentalKvCacheKeyType: "F32", experimentalKvCacheValueType: "F32", flashAttention: false };
const llama = await getLlama({ gpu: false, build: "never", maxThreads: 1 });
const [target, draft] = await Promise.all(
  ["target.gguf", "draft.gguf"].map((file) => llama.loadModel({ modelPath: `draft/${file}` })),
);

const same = (one, other) => JSON.stringify([...one]) === JSON.stringify([...other]);

/** The continuation of a prompt, and how many proposals of the draft were accepted. */
async function decode(row, drafting) {
  const context = await target.createContext({ contextSize: 512, sequences: 1, ...EXACT });
  const drafted = drafting && (await draft.createContext({ contextSize: 512, sequences: 1, ...EXACT }));
  const options = { minTokens: row.gamma, maxTokens: row.gamma, minConfidence: 0 };
  const tokenPredictor = drafted && new DraftSequenceTokenPredictor(drafted.getSequence(), options);
  const sequence = context.getSequence(tokenPredictor ? { tokenPredictor } : {});
  const text = [];
  for await (const token of sequence.evaluate(row.prompt, { temperature: 0, yieldEogToken: true })) {
    text.push(token);
    if (text.length === row.tokens || token === target.tokens.eos) break;
  }
  const accepted = tokenPredictor ? sequence.tokenPredictions.validated : 0;
  if (drafted) await drafted.dispose();
  await context.dispose();
  return { text, accepted };
}

const found = { ids: 0, alone: 0, together: 0, accepted: 0 };
for (const { text, ids } of texts) {
  found.ids += same(target.tokenize(text, true), ids) && same(draft.tokenize(text, true), ids);
}
for (const row of rows) {
  const [alone, together] = [await decode(row, false), await decode(row, true)];
  found.alone += same(alone.text, row.text);
  found.together += same(together.text, row.text);
  found.accepted += together.accepted;
}
console.log(
  `llama.cpp ${llama.llamaCppRelease.release}, greedy, gamma ${rows[0].gamma}: of ${texts.length} odd texts, our token ids for ` +
    `${found.ids}; of ${rows.length} prompts, the target's own text after ${found.alone} alone and after ` +
    `${found.together} with the draft, of which it took ${found.accepted} tokens.`,
);
const all = found.ids === texts.length && found.alone === rows.length && found.together === rows.length;
process.exit(all && found.accepted > 0 ? 0 : 1);
