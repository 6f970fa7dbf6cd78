// SPDX-License-Identifier: MIT
/**
 * canvas: the drawn flame graph: rectangles with names, the pointer, the keys, the zoom's motion.
 * Only the rows in sight are drawn, however deep the calls are.
 */
import {el} from './dom.js';
import {placeNodes} from './tree.js';
import {isDark} from './theme.js';
import {changeColour, moduleColours} from './colours.js';

const ROW = 20;
const LEAST_PIXELS = 0.4;
const LEAST_TEXT_PIXELS = 28;
const MOTION_MS = 300;
const MOST_KEYS = 8;

/**
 * @typedef {Object} Shown
 * @property {import('./tree.js').Tree} tree
 * @property {import('./tree.js').Totals} totals
 * @property {Map<number, number[]>} children
 * @property {number} focus
 * @property {Set<number> | null} found
 * @property {import('./tree.js').Totals | null} before of a comparison
 * @property {import('./tree.js').Totals | null} after
 * @property {boolean} isUpright the outermost calls are at the bottom
 *
 * @typedef {Object} Listener
 * @property {(node: number) => void} point the node under the pointer or cursor; -1: none
 * @property {(node: number) => void} choose
 * @property {() => void} leave Esc
 */

/** The canvas and what it shows. */
export class FlameCanvas {
    /** @param {Listener} listener */
    constructor(listener) {
        this.listener = listener;
        this.canvas = /** @type {HTMLCanvasElement} */ (el('canvas', {'aria-hidden': 'true'}));
        this.space = el('div.flame-space');
        this.element = el('div.flame-scroller', {
            tabindex: 0, role: 'group',
            'aria-label': 'Flame graph. Arrow keys move between calls, Enter zooms to one, Escape returns.',
        }, [this.canvas, this.space]);
        /** @type {string[]} */
        this.modules = [];
        /** @type {Map<string, string>} */
        this.colours = new Map();
        this.cursor = -1;
        this.hover = -1;
        this.started = 0;
        /** @type {Shown | null} */
        this.shown = null;
        /** @type {import('./tree.js').Rectangles} */
        this.placed = {node: [], depth: [], from: [], to: [], depths: 0};
        /** @type {Map<number, {from: number, to: number}> | null} */
        this.old = null;
        this.listen();
    }

    listen() {
        const {element} = this;
        element.addEventListener('scroll', () => this.paint());
        element.addEventListener('pointermove', (event) => this.point(event));
        element.addEventListener('pointerleave', () => this.setHover(-1));
        element.addEventListener('click', (event) => {
            const node = this.nodeAt(event);
            if (node >= 0) {
                this.listener.choose(node);
            }
        });
        element.addEventListener('keydown', (event) => this.key(event));
        element.addEventListener('blur', () => {
            this.cursor = -1;
            this.paint();
        });
        new ResizeObserver(() => this.place(false)).observe(element);
    }

    /** @param {Shown} shown */
    show(shown) {
        const old = this.shown;
        const isMotion = old !== null && old.tree === shown.tree && old.focus !== shown.focus;
        const isTurned = (old !== null && old.isUpright) !== shown.isUpright;
        this.shown = shown;
        this.element.hidden = false;
        this.colour();
        this.place(isMotion);
        if (isTurned) {
            this.element.scrollTop = shown.isUpright ? this.placed.depths * ROW : 0;
        }
    }

    /** Chooses the colours of the theme. */
    colour() {
        const {tree, totals} = /** @type {Shown} */ (this.shown);
        const style = getComputedStyle(document.documentElement);
        const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
        this.ink = read('--ink');
        this.paper = read('--paper');
        this.accent = read('--accent');
        this.accentInk = read('--accent-ink');
        this.font = `12px ${style.fontFamily}`;
        this.isDark = isDark();
        /** @type {Map<string, number>} */
        const weights = new Map();
        for (let i = 0; i < tree.count; i++) {
            weights.set(tree.module[i], (weights.get(tree.module[i]) || 0) + totals.total[i]);
        }
        const modules = Array.from(weights.keys())
            .sort((a, b) => Number(weights.get(b)) - Number(weights.get(a)));
        this.colours = moduleColours(modules, this.isDark);
        this.modules = modules;
    }

    /**
     * @returns {{module: string, colour: string}[]} the modules with a colour of their own, the largest first
     */
    moduleKey() {
        return this.modules.slice(0, MOST_KEYS).filter(Boolean)
            .map((module) => ({module, colour: String(this.colours.get(module))}));
    }

    /** @param {boolean} isMotion whether what is drawn moves to its new place */
    place(isMotion) {
        const {shown, element} = this;
        const width = element.clientWidth;
        if (!shown || width === 0) {
            return;
        }
        const isStill = !isMotion || window.matchMedia('(prefers-reduced-motion: reduce)').matches;
        const {placed} = this;
        this.old = isStill ? null
            : new Map(placed.node.map((node, i) => [node, {from: placed.from[i], to: placed.to[i]}]));
        this.placed = placeNodes(shown.tree, shown.totals, shown.children, shown.focus, LEAST_PIXELS / width);
        this.space.style.height = `${this.placed.depths * ROW}px`;
        const ratio = window.devicePixelRatio || 1;
        this.canvas.width = Math.round(width * ratio);
        this.canvas.style.height = '0';
        this.canvas.height = Math.round(element.clientHeight * ratio);
        this.canvas.style.width = `${width}px`;
        this.canvas.style.height = `${element.clientHeight}px`;
        this.started = performance.now();
        this.paint();
    }

    paint() {
        const context = this.canvas.getContext('2d');
        if (!context || !this.shown) {
            return;
        }
        const ratio = window.devicePixelRatio || 1;
        const width = this.canvas.width / ratio;
        const height = this.canvas.height / ratio;
        const part = this.old ? Math.min(1, (performance.now() - this.started) / MOTION_MS) : 1;
        context.setTransform(ratio, 0, 0, ratio, 0, 0);
        context.clearRect(0, 0, width, height);
        context.font = String(this.font);
        context.textBaseline = 'middle';
        for (let i = 0; i < this.placed.node.length; i++) {
            const top = this.topOf(this.placed.depth[i]) - this.element.scrollTop;
            if (top > -ROW && top < height) {
                this.paintNode(context, i, top, width, part);
            }
        }
        if (part < 1) {
            requestAnimationFrame(() => this.paint());
        } else {
            this.old = null;
        }
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {number} i in placed
     * @param {number} top
     * @param {number} width
     * @param {number} part of the motion, 1 at its end
     */
    paintNode(context, i, top, width, part) {
        const node = this.placed.node[i];
        const old = this.old ? this.old.get(node) : undefined;
        const ease = 1 - (1 - part) * (1 - part);
        const from = (old ? old.from + (this.placed.from[i] - old.from) * ease : this.placed.from[i]) * width;
        const to = (old ? old.to + (this.placed.to[i] - old.to) * ease : this.placed.to[i]) * width;
        const shown = /** @type {Shown} */ (this.shown);
        const isAccent = (shown.found !== null && shown.found.has(node)) || node === this.cursor;
        const gap = to - from > 3 ? 1 : 0;
        context.fillStyle = isAccent ? String(this.accent) : this.fillOf(node);
        context.fillRect(from, top, Math.max(LEAST_PIXELS, to - from - gap), ROW - 1);
        if (node === this.hover) {
            context.strokeStyle = String(this.ink);
            context.lineWidth = 1;
            context.strokeRect(from + 0.5, top + 0.5, Math.max(1, to - from - gap - 1), ROW - 2);
        }
        if (to - from > LEAST_TEXT_PIXELS) {
            context.fillStyle = String(isAccent ? this.accentInk : this.ink);
            this.paintText(context, node, from + 5, top + ROW / 2, to - from - 10);
        }
    }

    /**
     * @param {number} node
     * @returns {string}
     */
    fillOf(node) {
        const {tree, before, after} = /** @type {Shown} */ (this.shown);
        if (before && after) {
            return changeColour(before.total[node], after.total[node], Boolean(this.isDark));
        }
        return this.colours.get(tree.module[node]) || 'gray';
    }

    /**
     * @param {CanvasRenderingContext2D} context
     * @param {number} node
     * @param {number} x
     * @param {number} y
     * @param {number} room pixels
     */
    paintText(context, node, x, y, room) {
        const {tree} = /** @type {Shown} */ (this.shown);
        const name = tree.name[node];
        const place = tree.place[node];
        const fits = (/** @type {string} */ text) => text.length * 4 < room * 2 && context.measureText(text).width <= room;
        const long = `${name}  ${place}`;
        if (place && fits(long)) {
            context.fillText(long, x, y);
        } else if (fits(name)) {
            context.fillText(name, x, y);
        } else {
            const letters = Math.floor(room / 6.6);
            if (letters >= 4) {
                context.fillText(shortened(context, name, letters, room), x, y);
            }
        }
    }

    /**
     * @param {MouseEvent} event
     * @returns {number} the node there; -1: none
     */
    nodeAt(event) {
        const box = this.canvas.getBoundingClientRect();
        const row = Math.floor((event.clientY - box.top + this.element.scrollTop) / ROW);
        const depth = this.shown && this.shown.isUpright ? this.placed.depths - 1 - row : row;
        const share = (event.clientX - box.left) / box.width;
        const {placed} = this;
        for (let i = 0; i < placed.node.length; i++) {
            if (placed.depth[i] === depth && share >= placed.from[i] && share < placed.to[i]) {
                return placed.node[i];
            }
        }
        return -1;
    }

    /**
     * @param {number} depth
     * @returns {number} where its rectangles start
     */
    topOf(depth) {
        const isUpright = this.shown !== null && this.shown.isUpright;
        return ROW * (isUpright ? this.placed.depths - 1 - depth : depth);
    }

    /** @param {MouseEvent} event */
    point(event) {
        this.setHover(this.nodeAt(event));
    }

    /** @param {number} node */
    setHover(node) {
        if (node !== this.hover) {
            this.hover = node;
            this.element.classList.toggle('pointed', node >= 0);
            this.listener.point(node);
            this.paint();
        }
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        const {shown} = this;
        if (!shown) {
            return;
        }
        if (event.key === 'Escape' && shown.focus >= 0) {
            event.stopPropagation();
            this.listener.leave();
        } else if (event.key === 'Enter' && this.cursor >= 0) {
            event.preventDefault();
            this.listener.choose(this.cursor);
        } else if (event.key.startsWith('Arrow')) {
            event.preventDefault();
            this.moveTo(neighbour(shown, this.cursor, event.key));
        }
    }

    /** @param {number} node */
    moveTo(node) {
        const at = this.placed.node.indexOf(node);
        if (at < 0) {
            return;
        }
        this.cursor = node;
        const top = this.topOf(this.placed.depth[at]);
        const {element} = this;
        if (top < element.scrollTop || top + ROW > element.scrollTop + element.clientHeight) {
            element.scrollTop = top - element.clientHeight / 2;
        }
        this.listener.point(node);
        this.paint();
    }
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {string} name
 * @param {number} letters about as many as fit
 * @param {number} room
 * @returns {string} the start of the name; empty if too little fits
 */
function shortened(context, name, letters, room) {
    for (let length = letters + 4; length >= 3; length--) {
        const text = name.slice(0, length) + '\u2026';
        if (context.measureText(text).width <= room) {
            return text;
        }
    }
    return '';
}

/**
 * The call to which an arrow key leads.
 * @param {Shown} shown
 * @param {number} node -1: none yet
 * @param {string} key
 * @returns {number} -1: there is none
 */
function neighbour(shown, node, key) {
    const {tree, children, focus} = shown;
    if (node < 0) {
        return focus >= 0 ? focus : (children.get(-1) || [-1])[0];
    }
    if (key === (shown.isUpright ? 'ArrowUp' : 'ArrowDown')) {
        return (children.get(node) || [-1])[0];
    }
    if (key === (shown.isUpright ? 'ArrowDown' : 'ArrowUp')) {
        return tree.parent[node];
    }
    const siblings = children.get(tree.parent[node]) || [];
    const next = siblings[siblings.indexOf(node) + (key === 'ArrowRight' ? 1 : -1)];
    return next === undefined ? -1 : next;
}
