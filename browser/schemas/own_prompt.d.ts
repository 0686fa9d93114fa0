/* Built by `make browser` from own_prompt.json. */

/**
 * What a browser is to decode.
 *
 * Attributes:
 *     id, title: of the replay.
 *     clicks: how often it was asked for: what was stopped then begins anew.
 *     choosing: whether another draft length can be asked for.
 */
export interface OwnPrompt {
  id: string;
  title: string;
  target: string;
  draft: string;
  prompt: string;
  decoding: Decoding;
  seed: number;
  engine: Engine;
  clicks: number;
  choosing: boolean;
}
/**
 * How speculative decoding draws tokens, from target and draft alike.
 */
export interface Decoding {
  /**
   * 0: greedy, the likeliest token
   */
  temperature: number;
  /**
   * only the k likeliest tokens; 0: all
   */
  top_k: number;
  /**
   * only the smallest set of likeliest tokens that reaches it
   */
  top_p: number;
  /**
   * draft length; 0: the target alone
   */
  gamma: number;
  /**
   * of each decoded text
   */
  max_new_tokens: number;
}
/**
 * All that a browser needs to run some of a run's models; addresses are relative to a page's.
 *
 * Attributes:
 *     id: of these files: another one where one of them is.
 *     worker: address of the engine's script.
 *     tokenizer: address of the target's `tokenizer.json`, which all share.
 *     models: name -> files, the target's first.
 *     vocabulary: how many token ids, from 0, they share.
 *     eos: the token that ends a text.
 */
export interface Engine {
  id: string;
  worker: string;
  tokenizer: string;
  models: {
    [k: string]: ModelFiles;
  };
  vocabulary: number;
  eos: number | null;
}
/**
 * Addresses of a model's files, relative to a page's.
 */
export interface ModelFiles {
  config: string;
  weights: string;
}
