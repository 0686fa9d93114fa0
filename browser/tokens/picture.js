/** The text as it is drawn, as a PNG: every rectangle and every run of letters where the browser has
 * put it. A text too high for one picture is drawn as far as it is in view. */

/** @import { Model } from "./model" */

import { make } from "../shared/dom.js";
import { thousandths, written } from "../shared/numbers.js";

/**
 * @typedef {CanvasRenderingContext2D} Pen
 * @typedef {(value: string) => string} Colour a CSS colour -> what it is here
 * @typedef {Pick<DOMRect, "left" | "top" | "height">} Box
 * @typedef {object} Strip how what lies below a token is drawn
 * @property {(string | null)[]} bars
 * @property {string} ground
 * @property {string} hot
 * @property {string} cold
 * @property {string} edge
 * @property {number} height
 * @property {"metric" | "triple" | "none"} under
 * @property {boolean} outlined
 */

const HIGHEST = 7000; // CSS pixels
const MARGIN = 16;
const HEAD = 44;

/**
 * @param {ReturnType<typeof import("./text.js").tokenText>} text
 * @param {Model} model
 * @returns {Promise<Blob | null>}
 */
export function picture(text, model) {
  const scroller = text.element;
  scroller.classList.add("photographed"); // blocks out of view are laid out as well
  text.tend();
  const whole = scroller.scrollHeight <= HIGHEST;
  const view = scroller.getBoundingClientRect();
  const width = whole ? scroller.scrollWidth : scroller.clientWidth;
  const height = whole ? scroller.scrollHeight : scroller.clientHeight;
  const origin = {
    x: view.left - (whole ? scroller.scrollLeft : 0) - MARGIN,
    y: view.top - (whole ? scroller.scrollTop : 0) - HEAD,
  };
  const canvas = document.createElement("canvas");
  const scale = 2;
  canvas.width = scale * (width + 2 * MARGIN);
  canvas.height = scale * (height + HEAD + MARGIN);
  const pen = /** @type {Pen} */ (canvas.getContext("2d"));
  pen.scale(scale, scale);
  /** @type {Colour} */
  const colour = (name) => resolved(scroller, name);
  pen.fillStyle = colour("var(--ground)");
  pen.fillRect(0, 0, canvas.width, canvas.height);
  drawHead(
    pen,
    model,
    width,
    colour,
    getComputedStyle(/** @type {Element} */ (scroller.parentElement)).fontFamily,
  );
  pen.beginPath();
  pen.rect(MARGIN, HEAD, width, height);
  pen.clip();
  pen.translate(-origin.x, -origin.y);
  /** @type {Strip} */
  const strip = {
    bars: [0, 1, 2].map((bar) => model.triple?.colours[bar] ?? null),
    ground: colour("var(--ground)"),
    hot: colour("var(--hot-line)"),
    cold: colour("var(--cold-line)"),
    edge: colour("color-mix(in srgb, var(--ink) 75%, transparent)"),
    height: parseFloat(getComputedStyle(scroller).getPropertyValue("--strip")),
    under: model.state.underline,
    outlined: model.state.outline,
  };
  const bottom = origin.y + canvas.height / scale;
  for (const token of /** @type {NodeListOf<HTMLElement>} */ (
    scroller.querySelectorAll(".token")
  )) {
    const rects = token.getClientRects();
    if (!rects.length || rects[0].top > bottom || rects[rects.length - 1].bottom < origin.y)
      continue;
    drawToken(pen, token, rects, strip);
  }
  scroller.classList.remove("photographed");
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

/**
 * @param {Element} parent
 * @param {string} value
 */
function resolved(parent, value) {
  const probe = make("span", { style: `color:${value}` });
  parent.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/**
 * @param {Pen} pen
 * @param {Model} model
 * @param {number} width
 * @param {Colour} colour
 * @param {string} font
 */
function drawHead(pen, { reading, metric, scale, state, entries }, width, colour, font) {
  const { label, unit, diverging } = metric;
  const ramp = pen.createLinearGradient(MARGIN + width - 200, 0, MARGIN + width - 120, 0);
  ramp.addColorStop(0, colour(diverging ? "var(--cold)" : "var(--ground)"));
  if (diverging) ramp.addColorStop(-scale.low / (scale.high - scale.low), colour("var(--ground)"));
  ramp.addColorStop(1, colour("var(--hot)"));
  pen.font = `600 14px ${font}`;
  pen.fillStyle = colour("var(--ink)");
  pen.textBaseline = "middle";
  const kept = entries && state.outline ? ` · outlined: kept at k = ${thousandths(state.k)}` : "";
  pen.fillText(`${reading.title} · ${label}${kept}`, MARGIN, HEAD / 2, width - 300);
  pen.textAlign = "right";
  pen.fillText(written(scale.low), MARGIN + width - 208, HEAD / 2);
  pen.textAlign = "left";
  pen.fillText(`${written(scale.high)} ${unit}`, MARGIN + width - 112, HEAD / 2);
  pen.fillStyle = ramp;
  pen.fillRect(MARGIN + width - 200, HEAD / 2 - 7, 80, 14);
}

/**
 * @param {Pen} pen
 * @param {HTMLElement} token
 * @param {DOMRectList} rects
 * @param {Strip} strip
 */
function drawToken(pen, token, rects, strip) {
  const style = getComputedStyle(token);
  for (const rect of rects) {
    pen.fillStyle = style.backgroundColor;
    pen.fillRect(rect.left, rect.top, rect.width, rect.height);
    if (token.classList.contains("scored")) drawStrip(pen, token, rect, strip);
    if (strip.outlined && token.classList.contains("kept")) {
      pen.strokeStyle = strip.edge;
      pen.lineWidth = 1;
      pen.strokeRect(rect.left + 0.5, rect.top + 0.5, rect.width - 1, rect.height - 1);
    }
  }
  const letters = document.createTreeWalker(token, NodeFilter.SHOW_TEXT);
  while (letters.nextNode()) drawLetters(pen, /** @type {Text} */ (letters.currentNode));
}

/**
 * @param {Pen} pen
 * @param {HTMLElement} token
 * @param {DOMRect} rect
 * @param {Strip} strip
 */
function drawStrip(pen, token, rect, strip) {
  const value = (/** @type {string} */ name) =>
    Number(token.style.getPropertyValue(name)) * strip.height;
  if (strip.under === "metric") {
    const minus = token.classList.contains("minus");
    pen.fillStyle = minus ? strip.cold : strip.hot;
    const high = value("--v");
    const stripe = minus ? 3 : rect.width; // below zero the bar is striped, as on the page
    for (let x = 0; x < rect.width; x += stripe + 2) {
      const wide = Math.min(stripe, rect.width - x);
      pen.fillRect(rect.left + x, rect.bottom - high, wide, high);
    }
  } else if (strip.under === "triple") {
    pen.fillStyle = strip.ground;
    pen.fillRect(rect.left, rect.bottom - strip.height, rect.width, strip.height);
    strip.bars.forEach((fill, bar) => {
      if (!fill) return;
      pen.fillStyle = fill;
      const [wide, high] = [rect.width / 3, value(`--v${bar}`)];
      pen.fillRect(rect.left + bar * wide, rect.bottom - high, wide - 1, high);
    });
  }
}

/** A run of letters, line by line where it is broken.
 *
 * @param {Pen} pen
 * @param {Text} node
 */
function drawLetters(pen, node) {
  const style = getComputedStyle(/** @type {Element} */ (node.parentElement));
  pen.font = `${style.fontStyle} ${style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  pen.fillStyle = style.color;
  pen.textBaseline = "alphabetic";
  const range = document.createRange();
  range.selectNodeContents(node);
  const rects = range.getClientRects();
  if (rects.length === 1) {
    drawRun(pen, node.data, rects[0]);
    return;
  }
  let run = "";
  let at = 0;
  let box = /** @type {Box | null} */ (null);
  for (const letter of node.data) {
    range.setStart(node, at);
    range.setEnd(node, (at += letter.length));
    const [rect] = range.getClientRects();
    if (!rect) continue;
    if (box && Math.abs(rect.top - box.top) > 2) {
      drawRun(pen, run, box);
      run = "";
      box = null;
    }
    run += letter;
    box = box ? { ...box, left: Math.min(box.left, rect.left) } : boxOf(rect);
  }
  if (box) drawRun(pen, run, box);
}

const boxOf = (/** @type {DOMRect} */ { left, top, height }) => ({ left, top, height });

/**
 * @param {Pen} pen
 * @param {string} letters
 * @param {Box} box
 */
function drawRun(pen, letters, { left, top, height }) {
  const { fontBoundingBoxAscent: up, fontBoundingBoxDescent: down } = pen.measureText(letters);
  pen.fillText(letters, left, top + (height - up - down) / 2 + up);
}
