// SPDX-License-Identifier: MIT
/** Random damage to a document: it is refused with a sentence, or everything that is computed from it is finite. */
import assert from 'node:assert';
import test from 'node:test';
import {BadDocument} from '../../../reporter/web/check.js';
import {applyDelta} from '../../../reporter/web/delta.js';
import {readModel} from '../../../reporter/web/model.js';
import {siteValues} from '../../../reporter/web/sums.js';
import {makeTable, orderRows, tabsOf} from '../../../reporter/web/tables.js';
import {buildTree, placeNodes, treeChildren, treeTotals} from '../../../reporter/web/tree.js';
import {smallDocument} from './small.mjs';

const ROUNDS = 4000;
const VALUES = [null, -1, 0, 1, 1e9, 2 ** 53, 2 ** 64, 1.5, NaN, Infinity, '', 'x', '__proto__', [], [1], {}, true, undefined];
const seed = Number(process.env.LMM_SEED || Date.now() % 2 ** 31);

/** Numbers from 0 to below end, the same ones for a seed. */
function makeChance(start) {
    let state = start;
    return (end) => {
        state = (Math.imul(state, 1103515245) + 12345) >>> 0;
        return (state >>> 8) % end;
    };
}

/** Replaces, removes or repeats something somewhere. */
function damage(document, chance) {
    let at = document;
    for (;;) {
        const keys = Object.keys(at);
        if (keys.length === 0) {
            return;
        }
        const key = keys[chance(keys.length)];
        if (at[key] !== null && typeof at[key] === 'object' && chance(4) > 0) {
            at = at[key];
        } else if (chance(5) === 0 && !Array.isArray(at)) {
            delete at[key];
            return;
        } else {
            at[key] = VALUES[chance(VALUES.length)];
            return;
        }
    }
}

/** Computes what the page shows. */
function use(model) {
    const tree = buildTree(model, false);
    for (const measure of ['peak', 'live', 'lost', 'allocated', 'temporary']) {
        const totals = treeTotals(tree, siteValues(model, measure, 'bytes'));
        assert.ok(Number.isFinite(totals.sum));
        placeNodes(tree, totals, treeChildren(tree, totals.total), -1, 0.001);
    }
    for (const tab of tabsOf(model)) {
        const table = makeTable(model, tab.id, {measure: 'peak', unit: 'bytes', span: null});
        for (const column of table.columns) {
            orderRows(table, {column: column.id, isRising: true}, '');
        }
    }
}

test(`damaged documents and deltas, LMM_SEED=${seed}`, () => {
    const chance = makeChance(seed);
    let refused = 0;
    for (let round = 0; round < ROUNDS; round++) {
        const document = smallDocument();
        const delta = {sequence: 2, strings: ['n'], sites: {from: 4, frame: [1], type: [0], line: [0], family: [-1], index: [4],
            live_bytes: [3]}, series: {time_ms: [500], live_bytes: [1], rows: [{by: 'type', index: 0, live_bytes: [3]}], marks: []}};
        // A delta comes to a document that was shown, which is a good one.
        const isDelta = round % 2 === 1;
        for (let i = chance(3); i >= 0; i--) {
            damage(isDelta ? delta : document, chance);
        }
        try {
            if (isDelta) {
                applyDelta(document, delta);
            }
            use(readModel(document));
        } catch (error) {
            assert.ok(error instanceof BadDocument, `round ${round}: ${error.stack}`);
            refused++;
        }
    }
    assert.ok(refused > ROUNDS / 4, `only ${refused} refused`);
});
