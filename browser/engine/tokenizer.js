/** Byte-level BPE from a `tokenizer.json`, as the `tokenizers` package reads it.
 *
 * It knows the parts that GPT-2's tokenizer has, single digits, and NFC, and refuses every other: a
 * token too many would be a wrong answer that nobody notices. What is a letter or a number is as
 * `tokenizers` has it: browsers know the Unicode of their own year. NFC alone is the browser's. */

import { LETTERS, NUMBERS } from "./unicode.js";

/**
 * @typedef {object} Tokenizer
 * @property {(text: string) => number[]} encode
 * @property {(ids: Iterable<number>) => string} decode an incomplete character becomes U+FFFD
 * @property {Uint8Array<ArrayBuffer>[]} bytes of every token, by id
 * @property {Set<number>} special tokens that stand for no text
 *
 * @typedef {(text: string) => string[]} Split
 */

const LETTER = ranges(LETTERS);
const NUMBER = ranges(NUMBERS);
const SPACE = String.raw`\p{White_Space}`; // JavaScript's \s is another set
const WORDS = new RegExp(
  `'(?:[sdmt]|ll|ve|re)| ?[${LETTER}]+| ?[${NUMBER}]+| ?[^${SPACE}${LETTER}${NUMBER}]+|${SPACE}+(?![^${SPACE}])|${SPACE}+`,
  "gu",
);

const BYTES = byteLetters();
const BYTE_OF = new Map(BYTES.map((letter, byte) => [letter, byte]));
const UTF8 = new TextEncoder();

/** @type {Record<string, (part: any) => Split>} */
const PRE_TOKENIZERS = {
  Sequence: ({ pretokenizers }) => {
    const parts = pretokenizers.map((/** @type {any} */ part) => known(PRE_TOKENIZERS, part));
    return (text) =>
      parts.reduce(
        (/** @type {string[]} */ pieces, /** @type {Split} */ split) => pieces.flatMap(split),
        [text],
      );
  },
  Digits: ({ individual_digits }) => {
    const digits = new RegExp(`[${NUMBER}]${individual_digits ? "" : "+"}|[^${NUMBER}]+`, "gu");
    return (text) => text.match(digits) ?? [];
  },
  ByteLevel: (part) => {
    plain(part, { add_prefix_space: false });
    return part.use_regex === false ? (text) => [text] : (text) => text.match(WORDS) ?? [];
  },
};

/** @type {Record<string, (part: any) => (text: string) => string>} */
const NORMALIZERS = {
  Sequence: ({ normalizers }) => {
    const parts = normalizers.map((/** @type {any} */ part) => known(NORMALIZERS, part));
    return (text) =>
      parts.reduce(
        (/** @type {string} */ done, /** @type {(text: string) => string} */ next) => next(done),
        text,
      );
  },
  NFC: () => (text) => text.normalize("NFC"),
};

const POST_PROCESSORS = {
  ByteLevel: () => {}, // moves offsets, which nobody asks for here
  TemplateProcessing: (/** @type {any} */ { single }) => {
    if (single.length !== 1) throw refusal("a post-processor that adds tokens");
  },
};

/** @param {any} file the content of a `tokenizer.json`
 * @returns {Tokenizer}
 * @throws {Error} it has a part that is not known here.
 */
export function openTokenizer(file) {
  const { model } = file;
  if (model.type !== "BPE") throw refusal(`a model of the type ${model.type}`);
  plain(model, {
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    byte_fallback: false,
    ignore_merges: false,
  });
  if (file.decoder?.type !== "ByteLevel") throw refusal("a decoder other than ByteLevel");
  if (!file.pre_tokenizer) throw refusal("no pre-tokenizer");
  if (file.post_processor) known(POST_PROCESSORS, file.post_processor);
  const normalize = file.normalizer ? known(NORMALIZERS, file.normalizer) : same;
  const split = known(PRE_TOKENIZERS, file.pre_tokenizer);
  for (const added of file.added_tokens) {
    plain(added, { single_word: false, lstrip: false, rstrip: false, normalized: false });
  }

  /** @type {Map<string, number>} */
  const added = new Map(
    file.added_tokens.map((/** @type {any} */ { content, id }) => [content, id]),
  );
  const bytes = tokenBytes(model.vocab, added);
  const encodeWord = wordEncoder(model);
  const aside = separator([...added.keys()]);

  return {
    bytes,
    special: new Set(
      file.added_tokens
        .filter((/** @type {any} */ token) => token.special)
        .map((/** @type {any} */ token) => token.id),
    ),
    encode: (text) =>
      aside(text).flatMap((piece) => {
        const id = added.get(piece);
        return id === undefined ? split(normalize(piece)).flatMap(encodeWord) : [id];
      }),
    decode: (ids) => new TextDecoder("utf-8", { ignoreBOM: true }).decode(joined(ids, bytes)),
  };
}

/** Text apart from the added tokens in it, of which at any place the longest counts.
 *
 * @param {string[]} contents
 * @returns {Split}
 */
function separator(contents) {
  if (!contents.length) return (text) => [text];
  const longest = contents.toSorted((a, b) => b.length - a.length);
  const written = longest.map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&"));
  const pattern = new RegExp(`(${written.join("|")})`, "u");
  return (text) => text.split(pattern).filter(Boolean);
}

/** How a word becomes tokens: its bytes, joined pair by pair, at any time the pair that was learnt
 * first, the leftmost of several.
 *
 * @param {{ vocab: Record<string, number>, merges: ([string, string] | string)[] }} model
 * @returns {(word: string) => number[]}
 */
function wordEncoder({ vocab, merges }) {
  const missing = BYTES.find((letter) => !(letter in vocab));
  if (missing) throw refusal(`no token for the byte ${BYTE_OF.get(missing)}`);
  const idOfByte = BYTES.map((letter) => vocab[letter]);
  const size = Math.max(...Object.values(vocab)) + 1;
  /** @type {Map<number, { rank: number, id: number }>} */
  const joins = new Map(
    merges.map((merge, rank) => {
      const [left, right] = typeof merge === "string" ? merge.split(" ") : merge;
      return [vocab[left] * size + vocab[right], { rank, id: vocab[left + right] }];
    }),
  );
  /** @type {Map<string, number[]>} */
  const seen = new Map();

  return (word) => {
    const before = seen.get(word);
    if (before) return before;
    const ids = Array.from(UTF8.encode(word), (byte) => idOfByte[byte]);
    for (;;) {
      let best;
      let place = 0;
      for (let at = 0; at + 1 < ids.length; at += 1) {
        const join = joins.get(ids[at] * size + ids[at + 1]);
        if (join && (!best || join.rank < best.rank)) [best, place] = [join, at];
      }
      if (!best) break;
      ids.splice(place, 2, best.id);
    }
    seen.set(word, ids);
    return ids;
  };
}

/** @param {Record<string, number>} vocab
 * @param {Map<string, number>} added
 */
function tokenBytes(vocab, added) {
  /** @type {Uint8Array<ArrayBuffer>[]} */
  const bytes = [];
  for (const [word, id] of Object.entries(vocab)) {
    bytes[id] = Uint8Array.from(word, (letter) => BYTE_OF.get(letter) ?? 0);
  }
  for (const [content, id] of added) bytes[id] = UTF8.encode(content);
  return bytes;
}

/** @param {Iterable<number>} ids
 * @param {Uint8Array[]} bytes
 */
function joined(ids, bytes) {
  return Uint8Array.from(Array.from(ids, (id) => [...bytes[id]]).flat());
}

/** What stands between the brackets of a pattern.
 *
 * @param {string} distances between the bounds of runs, to the base 36
 */
function ranges(distances) {
  let at = 0;
  const bounds = distances.split(",").map((distance) => (at += parseInt(distance, 36)));
  const written = (/** @type {number} */ point) => `\\u{${point.toString(16)}}`;
  return bounds
    .map((bound, index) => (index % 2 ? `-${written(bound - 1)}` : written(bound)))
    .join("");
}

/** GPT-2's spelling of bytes: printable ones as they are, the others from U+0100 on. */
function byteLetters() {
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    return String.fromCharCode(printable ? byte : next++);
  });
}

/** What a part of the file does, by its type.
 *
 * @template T
 * @param {Record<string, (part: any) => T>} kinds
 * @param {{ type: string }} part
 */
function known(kinds, part) {
  if (!Object.hasOwn(kinds, part.type)) throw refusal(`the part ${part.type}`);
  return kinds[part.type](part);
}

/** @param {Record<string, unknown>} part
 * @param {Record<string, unknown>} wanted of those that it has
 */
function plain(part, wanted) {
  for (const [name, value] of Object.entries(wanted)) {
    if ((part[name] || false) !== (value || false)) {
      throw refusal(`${name}: ${JSON.stringify(part[name])}`);
    }
  }
}

/** @param {string} text */
const same = (text) => text;

/** @param {string} what */
const refusal = (what) =>
  new Error(`The browser cannot encode text with this tokenizer: it has ${what}.`);
