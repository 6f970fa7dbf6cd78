// SPDX-License-Identifier: MIT
/**
 * tree: calls as the flame graph shows them. The model has a frame for each call of the source in each stack;
 * here calls of one function by one caller are one node, or with `byLine` stay apart. A site
 * without a stack hangs on its type and its line. Callers have lower numbers than what they call.
 */
import {placeText} from './text.js';
import {lineName, typeName} from './sums.js';

export const INLINED = 1;
const ALLOCATES = 2;
const GUESSED = 4;

/**
 * @typedef {Object} Tree
 * @property {number} count
 * @property {number[]} parent -1: an outermost call
 * @property {string[]} name the function
 * @property {string[]} place file:line; the file alone where the lines differ
 * @property {string[]} module
 * @property {number[]} flags as in the document
 * @property {number[]} line the first one that was seen; 0: unknown
 * @property {Int32Array} nodeOfSite where a site's blocks are counted
 *
 * @typedef {Object} Totals
 * @property {Float64Array} total of a node and what it calls
 * @property {Float64Array} self
 * @property {number} sum of all
 *
 * @typedef {Object} Rectangles what is drawn, outermost first
 * @property {number[]} node
 * @property {number[]} depth 0 on top
 * @property {number[]} from a share of the width
 * @property {number[]} to
 * @property {number} depths
 */

/**
 * Builds the tree of a model.
 * @param {import('./model.js').Model} model
 * @param {boolean} byLine
 * @returns {Tree}
 */
export function buildTree(model, byLine) {
    /** @type {Tree} */
    const tree = {
        count: 0, parent: [], name: [], place: [], module: [], flags: [], line: [],
        nodeOfSite: new Int32Array(model.sites.count),
    };
    const nodeOfFrame = addFrames(tree, model, byLine);
    const known = new Numbering();
    for (let i = 0; i < model.sites.count; i++) {
        const frame = model.sites.frame[i];
        tree.nodeOfSite[i] = frame >= 0 ? nodeOfFrame[frame] : addRows(tree, known, model, i);
    }
    return tree;
}

/** Numbers pairs of whole numbers from 0, equal pairs alike. Their product must be exact. */
class Numbering {
    constructor() {
        /** @type {Map<number, number>} */
        this.known = new Map();
    }

    /**
     * @param {number} a
     * @param {number} b below width
     * @param {number} width the same in each call
     * @param {() => number} [add] makes the number of a new pair; without it they count up
     * @returns {number}
     */
    number(a, b, width, add) {
        const key = a * width + b;
        let number = this.known.get(key);
        if (number === undefined) {
            number = add ? add() : this.known.size;
            this.known.set(key, number);
        }
        return number;
    }
}

/**
 * Whether two models have the same tree, as those of a living process mostly have. Building one is
 * most of the work of showing new figures.
 * @param {import('./model.js').Model} a
 * @param {import('./model.js').Model} b
 * @returns {boolean}
 */
export function haveSameTree(a, b) {
    const isSame = (/** @type {ArrayLike<any>} */ x, /** @type {ArrayLike<any>} */ y) => {
        let i = x.length === y.length ? 0 : -1;
        while (i >= 0 && i < x.length && x[i] === y[i]) {
            i++;
        }
        return i === x.length;
    };
    return isSame(a.strings, b.strings) && isSame(a.frames.parent, b.frames.parent) &&
        isSame(a.frames.functionName, b.frames.functionName) && isSame(a.frames.file, b.frames.file) &&
        isSame(a.frames.line, b.frames.line) && isSame(a.frames.module, b.frames.module) &&
        isSame(a.frames.flags, b.frames.flags) && isSame(a.sites.frame, b.sites.frame) &&
        isSame(a.sites.type, b.sites.type) && isSame(a.sites.line, b.sites.line) &&
        isSame(a.types.name, b.types.name) && isSame(a.lines.file, b.lines.file) &&
        isSame(a.lines.functionName, b.lines.functionName) && isSame(a.lines.line, b.lines.line);
}

/**
 * @param {Tree} tree
 * @param {import('./model.js').Model} model
 * @param {boolean} byLine
 * @returns {Int32Array} the node of each frame
 */
function addFrames(tree, model, byLine) {
    const {frames, strings} = model;
    const nodes = new Int32Array(frames.count);
    const [places, functions, lines, callees, calls] = [0, 1, 2, 3, 4].map(() => new Numbering());
    for (let i = 0; i < frames.count; i++) {
        const parent = frames.parent[i] < 0 ? -1 : nodes[frames.parent[i]];
        const place = places.number(frames.file[i], frames.module[i], strings.length);
        const name = functions.number(place, frames.functionName[i], strings.length);
        const callee = byLine ? callees.number(name, lines.number(frames.line[i], 0, 1), frames.count) : name;
        nodes[i] = calls.number(parent + 1, callee, frames.count, () => addNode(tree, {
            parent, name: strings[frames.functionName[i]] || '(unknown)',
            place: placeText(strings[frames.file[i]], frames.line[i]),
            module: strings[frames.module[i]], flags: frames.flags[i], line: frames.line[i],
        }));
        if (tree.line[nodes[i]] !== frames.line[i]) {
            tree.place[nodes[i]] = placeText(strings[frames.file[i]], 0);
        }
    }
    return nodes;
}

/**
 * Adds a site without a stack: its line below its type.
 * @param {Tree} tree
 * @param {Numbering} known the nodes of types and lines
 * @param {import('./model.js').Model} model
 * @param {number} site
 * @returns {number}
 */
function addRows(tree, known, model, site) {
    const type = model.sites.type[site];
    const line = model.sites.line[site];
    const width = model.lines.count + 1;
    const module = model.lines.module[line];
    const parent = known.number(type, model.lines.count, width, () => addNode(tree, {
        parent: -1, name: typeName(model, type), place: '', module, flags: 0, line: 0,
    }));
    return known.number(type, line, width, () => addNode(tree, {
        parent, name: lineName(model, line, placeText), place: '', module, flags: 0, line: 0,
    }));
}

/**
 * @param {Tree} tree
 * @param {{parent: number, name: string, place: string, module: string, flags: number, line: number}} node
 * @returns {number} its number
 */
function addNode(tree, node) {
    tree.parent.push(node.parent);
    tree.name.push(node.name);
    tree.place.push(node.place);
    tree.module.push(node.module);
    tree.flags.push(node.flags);
    tree.line.push(node.line);
    return tree.count++;
}

/**
 * Adds the values of sites up, from the innermost call outwards.
 * @param {Tree} tree
 * @param {Float64Array} values a figure for each site
 * @returns {Totals}
 */
export function treeTotals(tree, values) {
    const self = new Float64Array(tree.count);
    for (let i = 0; i < values.length; i++) {
        self[tree.nodeOfSite[i]] += values[i];
    }
    const total = Float64Array.from(self);
    let sum = 0;
    for (let i = tree.count - 1; i >= 0; i--) {
        if (tree.parent[i] >= 0) {
            total[tree.parent[i]] += total[i];
        } else {
            sum += total[i];
        }
    }
    return {total, self, sum};
}

/**
 * The nodes below each node, those with most first; what has nothing is left out.
 * @param {Tree} tree
 * @param {Float64Array} total
 * @returns {Map<number, number[]>} by the caller; -1: the outermost calls
 */
export function treeChildren(tree, total) {
    /** @type {Map<number, number[]>} */
    const children = new Map();
    for (let i = 0; i < tree.count; i++) {
        if (total[i] > 0) {
            const siblings = children.get(tree.parent[i]);
            if (siblings) {
                siblings.push(i);
            } else {
                children.set(tree.parent[i], [i]);
            }
        }
    }
    children.forEach((siblings) => {
        if (siblings.length > 1) {
            siblings.sort((a, b) => total[b] - total[a] || a - b);
        }
    });
    return children;
}

/**
 * The callers of a node, outermost first, and the node itself.
 * @param {Tree} tree
 * @param {number} node -1: none
 * @returns {number[]}
 */
export function pathTo(tree, node) {
    const path = [];
    for (let i = node; i >= 0; i = tree.parent[i]) {
        path.push(i);
    }
    return path.reverse();
}

/**
 * Places the nodes: a node is as wide as its share, what it calls lies below it from the left. The
 * callers of the node that fills the width lie above it and fill it, too.
 * @param {Tree} tree
 * @param {Totals} totals
 * @param {Map<number, number[]>} children as treeChildren() returns it
 * @param {number} focus the node that fills the width; -1: all
 * @param {number} least the share below which nothing is placed
 * @returns {Rectangles}
 */
export function placeNodes(tree, totals, children, focus, least) {
    /** @type {Rectangles} */
    const placed = {node: [], depth: [], from: [], to: [], depths: 0};
    const path = pathTo(tree, focus);
    path.forEach((node, depth) => addRectangle(placed, node, depth, 0, 1));
    const whole = focus < 0 ? totals.sum : totals.total[focus];
    if (!(whole > 0)) {
        return placed;
    }
    // Not recursive: a stack may have thousands of calls.
    const open = [{node: focus, from: 0, depth: path.length}];
    for (let at = open.pop(); at; at = open.pop()) {
        let from = at.from;
        for (const node of children.get(at.node) || []) {
            const share = totals.total[node] / whole;
            if (share < least) {
                break;
            }
            addRectangle(placed, node, at.depth, from, from + share);
            open.push({node, from, depth: at.depth + 1});
            from += share;
        }
    }
    return placed;
}

/**
 * @param {Rectangles} placed
 * @param {number} node
 * @param {number} depth
 * @param {number} from
 * @param {number} to
 */
function addRectangle(placed, node, depth, from, to) {
    placed.node.push(node);
    placed.depth.push(depth);
    placed.from.push(from);
    placed.to.push(to);
    placed.depths = Math.max(placed.depths, depth + 1);
}

/**
 * What the document's flags say of a call, in words; empty: nothing.
 * @param {number} flags
 * @param {boolean} isInner nothing but such functions is called below it
 * @returns {string}
 */
export function flagsText(flags, isInner) {
    return [
        flags & INLINED ? 'inlined' : '',
        flags & ALLOCATES && isInner ? 'allocates for its caller' : '',
        flags & GUESSED ? 'found by a guess' : '',
    ].filter(Boolean).join(', ');
}

/**
 * The calls of a site as lines of text, the innermost first.
 * @param {import('./model.js').Model} model
 * @param {number} site
 * @returns {{name: string, place: string, note: string}[]}
 */
export function stackOf(model, site) {
    const {frames, strings} = model;
    const calls = [];
    // The flag is also on the calls around main(), which allocate nothing.
    let isAllocator = true;
    for (let i = model.sites.frame[site]; i >= 0; i = frames.parent[i]) {
        isAllocator = isAllocator && (frames.flags[i] & ALLOCATES) > 0;
        calls.push({
            name: strings[frames.functionName[i]] || '(unknown)',
            place: placeText(strings[frames.file[i]] || strings[frames.module[i]], frames.line[i]),
            note: flagsText(frames.flags[i], isAllocator),
        });
    }
    return calls;
}
