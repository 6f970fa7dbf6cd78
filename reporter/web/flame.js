// SPDX-License-Identifier: MIT
/**
 * flame: question 4, where does it come from? The calls of the chosen row as an icicle: outermost
 * on top, as wide as their share. On a canvas, because a page may have 50,000 calls; the same as a
 * table of text for those who read.
 */
import {amountEl, choiceEl, el, setChildren} from './dom.js';
import {blocksText, bytesText, changeText, exactText, placeText, shareText} from './text.js';
import {INLINED, flagsText, pathTo, placeNodes, treeChildren, treeTotals} from './tree.js';
import {keepSelected, lineName, measureOf, siteValues, typeName} from './sums.js';
import {FlameCanvas} from './canvas.js';
import {RowList} from './list.js';
import {onTheme} from './theme.js';
import {whenText} from './words.js';

const TEXT_ROW_PIXELS = 22;
const LEAST_TEXT_SHARE = 0.0005;
const INDENT_PIXELS = 10;
const MOST_INDENTS = 24;

/**
 * Makes the part of the page with the flame graph.
 * @param {import('./state.js').Store} store
 * @param {AbortSignal} end of the page that shows this store
 * @returns {{element: HTMLElement, search: HTMLInputElement}}
 */
export function makeFlame(store, end) {
    const flame = new Flame(store);
    store.watch((changed) => {
        if (['model', 'tree', 'measure', 'unit', 'selection', 'focus'].some((name) => changed.has(name))) {
            flame.draw();
        } else if (changed.has('span')) {
            flame.title.replaceChildren(...flame.titleParts());
        }
    });
    onTheme(() => flame.draw(), end);
    flame.draw();
    return {element: flame.element, search: flame.search};
}

/** The flame graph with its tools. */
class Flame {
    /** @param {import('./state.js').Store} store */
    constructor(store) {
        this.store = store;
        this.form = 'graph';
        /** @type {import('./tree.js').Totals} */
        this.totals = treeTotals(store.now.tree, new Float64Array(store.now.model.sites.count));
        this.children = treeChildren(store.now.tree, this.totals.total);
        /** @type {import('./tree.js').Totals | null} */
        this.before = null;
        /** @type {import('./tree.js').Totals | null} */
        this.after = null;
        this.pointed = -1;
        this.forms = choiceEl('Form', [
            {id: 'graph', word: 'Icicle', says: 'the outermost calls on top'},
            {id: 'flame', word: 'Flame', says: 'the outermost calls at the bottom'},
            {id: 'text', word: 'Text', says: 'the same calls as a table'},
        ], (form) => {
            this.form = form;
            this.draw();
        });
        this.search = /** @type {HTMLInputElement} */ (el('input', {
            type: 'search', placeholder: 'Find a function', 'aria-label': 'Find a function or file',
            oninput: () => this.draw(),
        }));
        this.lines = /** @type {HTMLInputElement} */ (el('input', {
            type: 'checkbox', onchange: () => store.set({byLine: this.lines.checked}),
        }));
        this.out = el('button', {type: 'button', title: 'Esc', onclick: () => store.set({focus: -1})}, ['Zoom out']);
        this.found = el('span.dim', {role: 'status'});
        this.title = el('h2');
        this.detail = el('div.detail', {role: 'status'});
        this.canvas = new FlameCanvas({
            point: (node) => this.point(node),
            choose: (node) => this.choose(node),
            leave: () => this.leave(),
        });
        this.body = el('tbody');
        this.textScroller = this.makeText();
        this.textList = new RowList(this.textScroller, this.body, TEXT_ROW_PIXELS, (i) => this.textRow(i));
        this.nothing = el('p.nothing');
        this.element = el('section.flame', {'aria-label': 'Where it comes from'}, [
            el('div.toolbar', {}, [this.forms.element, this.search,
                el('label', {title: 'keep calls of different lines of a function apart'}, [this.lines, ' by line']),
                this.out, this.found]),
            this.title, this.nothing, this.canvas.element, this.textScroller, this.detail,
        ]);
    }

    /** @returns {HTMLElement} */
    makeText() {
        const heads = ['Total', 'Share', 'Of itself', 'Call'].map(
            (word, i) => el(i === 3 ? 'th.call' : 'th', {scope: 'col'}, [word]));
        return el('div.scroller', {tabindex: 0, role: 'group', 'aria-label': 'Calls as text'}, [
            el('table.calls', {}, [el('thead', {}, [el('tr', {}, heads)]), this.body])]);
    }

    draw() {
        const {now} = this.store;
        this.sumUp();
        const {totals, children} = this;
        const isEmpty = !(totals.sum > 0);
        const isGraph = this.form !== 'text';
        this.forms.show(this.form);
        this.lines.checked = now.byLine;
        this.out.hidden = now.focus < 0;
        this.title.replaceChildren(...this.titleParts());
        this.nothing.textContent = isEmpty ? this.nothingText() : '';
        this.nothing.hidden = !isEmpty;
        this.detail.hidden = isEmpty;
        const found = this.find();
        if (isGraph && !isEmpty) {
            this.canvas.show({
                tree: now.tree, totals, children, focus: now.focus, found,
                before: this.before, after: this.after, isUpright: this.form === 'flame',
            });
        }
        this.canvas.element.hidden = !isGraph || isEmpty;
        this.textScroller.hidden = isGraph || isEmpty;
        if (!isGraph) {
            this.placed = placeNodes(now.tree, totals, children, now.focus, LEAST_TEXT_SHARE);
            this.textOrder = depthFirst(this.placed);
            this.textList.setCount(this.textOrder.length);
        }
        this.point(now.focus);
    }

    /** Adds the measure up over the tree; of a comparison the larger of both moments is the width. */
    sumUp() {
        const {model, tree, measure, unit, selection} = this.store.now;
        const after = keepSelected(model, siteValues(model, measure, unit), selection);
        this.before = null;
        this.after = null;
        let widths = after;
        if (model.kind === 'diff') {
            const before = keepSelected(model, siteValues(model, measure, unit, true), selection);
            widths = after.map((value, i) => Math.max(value, before[i]));
            this.before = treeTotals(tree, before);
            this.after = treeTotals(tree, after);
        }
        this.totals = treeTotals(tree, widths);
        this.children = treeChildren(tree, this.totals.total);
        if (this.store.now.focus >= 0 && !(this.totals.total[this.store.now.focus] > 0)) {
            this.store.now.focus = -1;
        }
    }

    /** @returns {string} bytes or blocks */
    get unit() {
        const {measure, unit} = this.store.now;
        return measureOf(measure).bytes.length > 0 ? unit : 'blocks';
    }

    /** @returns {import('./dom.js').Child[] & (string | Node)[]} */
    titleParts() {
        const {model, measure, selection, span} = this.store.now;
        const {totals} = this;
        // There are no call stacks over time, so the graph does not follow a chosen span.
        const when = model.series && span ? `${whenText(model.process, measure)} ` : '';
        const whole = model.frames.count > 0 ? 'All calls' : 'All blocks, by type and line';
        const name = !selection ? whole : selection.by === 'type' ? typeName(model, selection.index)
            : selection.by === 'line' ? lineName(model, selection.index, placeText)
                : model.families.name[selection.index];
        const parts = [name, el('span.dim', {}, [`, ${measureOf(measure).word.toLowerCase()} ${when}`]),
            amountEl(totals.sum, this.unit)];
        if (model.kind === 'diff') {
            parts.push(el('span.dim', {}, [' wide: the larger of both moments; ']),
                el('span.grown', {}, ['red grows']), ', ', el('span.shrunk', {}, ['blue shrinks']));
        }
        return parts;
    }

    /** @returns {string} */
    nothingText() {
        const {measure, selection} = this.store.now;
        const {nothing} = measureOf(measure);
        return selection ? `Of the chosen row: ${nothing}` : nothing;
    }

    /** @returns {Set<number> | null} the nodes that the search finds; null: nothing is searched */
    find() {
        const search = this.search.value.trim().toLowerCase();
        if (search === '') {
            this.found.textContent = '';
            return null;
        }
        const {tree, focus} = this.store.now;
        const {totals} = this;
        const found = new Set();
        const isBelow = new Uint8Array(tree.count);
        let sum = 0;
        // Callers come first, so a node knows whether one above it was found.
        for (let i = 0; i < tree.count; i++) {
            const isInside = tree.parent[i] >= 0 && isBelow[tree.parent[i]] === 1;
            const isFound = totals.total[i] > 0 && `${tree.name[i]} ${tree.place[i]}`.toLowerCase().includes(search);
            isBelow[i] = isInside || isFound ? 1 : 0;
            if (isFound) {
                found.add(i);
                sum += isInside ? 0 : totals.total[i];
            }
        }
        this.found.textContent = found.size === 0 ? 'not found'
            : `${exactText(found.size)} found, ${shareText(sum, totals.sum)}${focus >= 0 ? ' of all' : ''}`;
        return found;
    }

    /** @param {number} node -1: none; its figures are shown */
    point(node) {
        this.pointed = node;
        const {tree, focus} = this.store.now;
        const {totals, unit} = this;
        if (node < 0) {
            setChildren(this.detail, this.form === 'text' ? [] : [
                el('span.dim', {}, ['Point at a call for its figures; click it to zoom, Esc returns.', this.cutNote()]),
                this.store.now.model.kind !== 'diff' && el('div.modules', {}, this.moduleParts())]);
            return;
        }
        const flags = flagsText(tree.flags[node], !this.children.has(node));
        const note = [placeText(tree.module[node], 0), flags].filter(Boolean).join(', ');
        setChildren(this.detail, [
            el('b', {}, [tree.name[node]]), ' ', tree.place[node], ' ', el('span.dim', {}, [note]), el('br'),
            ...this.amountParts(node), ', ', shareText(totals.total[node], totals.sum), ' of all',
            focus >= 0 && `, ${shareText(totals.total[node], totals.total[focus])} of what is shown`,
            totals.self[node] > 0 && totals.self[node] < totals.total[node] && ', of itself ',
            totals.self[node] > 0 && totals.self[node] < totals.total[node] && amountEl(totals.self[node], unit),
        ]);
    }

    /**
     * @param {number} node
     * @returns {import('./dom.js').Child[]}
     */
    amountParts(node) {
        const {unit, totals, before, after} = this;
        if (!before || !after) {
            return [amountEl(totals.total[node], unit), ` (${exactText(totals.total[node])})`];
        }
        const write = unit === 'bytes' ? bytesText : blocksText;
        const change = after.total[node] - before.total[node];
        return [amountEl(before.total[node], unit), ' \u2192 ', amountEl(after.total[node], unit),
            ` (${changeText(change, write)})`];
    }

    /** @returns {string} why the outermost calls are not all main() or the start of a thread */
    cutNote() {
        const {model} = this.store.now;
        return areStacksCut(model) ? ` The ${model.process.stackFrames} innermost calls of a stack are kept.` : '';
    }

    /** @returns {HTMLElement[]} which colour is which module */
    moduleParts() {
        return this.canvas.moduleKey().map(({module, colour}) => {
            const key = el('i.key');
            key.style.background = colour;
            return el('span.dim', {title: module}, [key, placeText(module, 0)]);
        });
    }

    /** @param {number} node */
    choose(node) {
        this.store.set({focus: node});
    }

    /** One step out: to the caller of what is zoomed to. */
    leave() {
        const {focus, tree} = this.store.now;
        if (focus >= 0) {
            this.store.set({focus: tree.parent[focus]});
        }
    }

    /**
     * @param {number} position
     * @returns {HTMLElement}
     */
    textRow(position) {
        const placed = /** @type {import('./tree.js').Rectangles} */ (this.placed);
        const at = /** @type {number[]} */ (this.textOrder)[position];
        const node = placed.node[at];
        const {tree, focus} = this.store.now;
        const {totals, unit} = this;
        const call = el('td.call', {title: pathTo(tree, node).map((i) => tree.name[i]).join(' \u203a ')}, [
            el('button.link', {type: 'button', onclick: () => this.choose(node === focus ? tree.parent[node] : node)},
                [tree.name[node]]), ' ',
            el('span.dim', {}, [tree.place[node]])]);
        call.style.paddingLeft = `${8 + INDENT_PIXELS * Math.min(MOST_INDENTS, placed.depth[at])}px`;
        return el('tr', {}, [
            el('td', {}, [amountEl(totals.total[node], unit)]), el('td', {}, [shareText(totals.total[node], totals.sum)]),
            el('td', {}, [totals.self[node] > 0 ? amountEl(totals.self[node], unit) : '']), call,
        ]);
    }
}

/**
 * Whether some stack has as many calls as are kept, so that its outer ones may be missing.
 * @param {import('./model.js').Model} model
 * @returns {boolean}
 */
function areStacksCut(model) {
    const {frames} = model;
    const most = model.process.stackFrames;
    const depths = new Uint32Array(frames.flags.length);
    return most > 0 && depths.some((_, i) => {
        const outer = frames.parent[i] < 0 ? 0 : depths[frames.parent[i]];
        depths[i] = outer + ((frames.flags[i] & INLINED) === 0 ? 1 : 0);
        return depths[i] >= most;
    });
}

/**
 * Orders placed nodes so that what a node calls follows it.
 * @param {import('./tree.js').Rectangles} placed
 * @returns {number[]} their positions
 */
function depthFirst(placed) {
    return Array.from(placed.node.keys())
        .sort((a, b) => placed.from[a] - placed.from[b] || placed.depth[a] - placed.depth[b]);
}
