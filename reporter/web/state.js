// SPDX-License-Identifier: MIT
/**
 * state: what the reader sees and chose, in one place. A part of the page registers with watch()
 * and is told which names changed; only set() changes them.
 */
import {areTypesKnown, rowCount, siteValues, sumOf} from './sums.js';
import {buildTree, haveSameTree} from './tree.js';
import {tabsOf} from './tables.js';

/**
 * @typedef {Object} State
 * @property {import('./model.js').Model} model
 * @property {import('./tree.js').Tree} tree
 * @property {boolean} byLine whether the tree keeps the lines of a function apart
 * @property {string} measure
 * @property {string} unit bytes or blocks
 * @property {'type' | 'line'} layers
 * @property {string} tab
 * @property {import('./spans.js').Span | null} span null: the whole time
 * @property {import('./sums.js').Selection | null} selection
 * @property {number} focus the node of the tree that the flame graph is zoomed to; -1: all
 * @property {string} connection of a live page in words; empty: none is needed
 *
 * @typedef {(changed: Set<string>) => void} Watcher
 *
 * @typedef {Object} Store
 * @property {State} now
 * @property {(changes: Partial<State>) => void} set
 * @property {(watcher: Watcher) => void} watch
 */

/**
 * Makes the state of a page that shows a model.
 * @param {import('./model.js').Model} model
 * @returns {Store}
 */
export function makeStore(model) {
    /** @type {Watcher[]} */
    const watchers = [];
    /** @type {State} */
    const now = {
        model, tree: buildTree(model, false), byLine: false,
        measure: firstMeasure(model), unit: 'bytes',
        layers: firstLayers(model), tab: tabsOf(model)[0].id,
        span: null, selection: null, focus: -1, connection: '',
    };
    return {
        now,
        set(changes) {
            const changed = apply(now, changes);
            if (changed.size > 0) {
                watchers.forEach((watcher) => watcher(changed));
            }
        },
        watch(watcher) {
            watchers.push(watcher);
        },
    };
}

/**
 * @param {State} now
 * @param {any} changes
 * @returns {Set<string>}
 */
function apply(now, changes) {
    const target = /** @type {any} */ (now);
    const focused = now.focus >= 0 ? now.tree.name[now.focus] : '';
    const old = now.model;
    const changed = new Set(Object.keys(changes).filter((name) => target[name] !== changes[name]));
    changed.forEach((name) => {
        target[name] = changes[name];
    });
    if (changed.has('byLine') || (changed.has('model') && !haveSameTree(old, now.model))) {
        now.tree = buildTree(now.model, now.byLine);
        changed.add('tree');
        now.focus = now.focus >= 0 && now.tree.name[now.focus] === focused ? now.focus : -1;
    }
    if (changed.has('selection')) {
        now.focus = -1;
    }
    const chosen = now.selection;
    if (chosen && chosen.index >= rowCount(now.model, chosen.by)) {
        now.selection = null;
        changed.add('selection');
    }
    return changed;
}

/**
 * A living process is shown as it is, an ended one at its peak.
 * @param {import('./model.js').Model} model
 * @returns {string}
 */
function firstMeasure(model) {
    const has = (/** @type {string} */ id) => sumOf(siteValues(model, id, 'blocks')) > 0;
    const first = model.process.state === 'running' ? ['live', 'peak'] : ['peak', 'live'];
    return first.concat('allocated').find(has) || first[0];
}

/**
 * @param {import('./model.js').Model} model
 * @returns {'type' | 'line'}
 */
function firstLayers(model) {
    const rows = model.series ? model.series.rows : [];
    const has = (/** @type {string} */ by) => rows.length === 0 || rows.some((row) => row.by === by);
    return has('type') && (areTypesKnown(model) || !has('line')) ? 'type' : 'line';
}
