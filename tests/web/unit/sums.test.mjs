// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {readModel} from '../../../reporter/web/model.js';
import * as sums from '../../../reporter/web/sums.js';
import {buildTree, pathTo, placeNodes, stackOf, treeChildren, treeTotals} from '../../../reporter/web/tree.js';
import {smallDocument} from './small.mjs';

const model = readModel(smallDocument());
const peak = sums.siteValues(model, 'peak', 'bytes');

test('sums by type and line', () => {
    assert.deepStrictEqual(Array.from(sums.sumBy(peak, model.sites.type, 2)), [30, 30]);
    assert.deepStrictEqual(Array.from(sums.sumBy(peak, model.sites.line, 2)), [55, 5]);
});

test('what has no bytes is counted in blocks', () => {
    const counted = readModel(smallDocument({sites: {...smallDocument().sites, temporaries: [0, 2, 0, 0]}}));
    assert.deepStrictEqual(Array.from(sums.siteValues(counted, 'temporary', 'bytes')), [0, 2, 0, 0]);
});

test('lost is what is definitely lost with what hangs on it', () => {
    const sites = {...smallDocument().sites, definite_bytes: [1, 0, 0, 0], indirect_bytes: [0, 2, 0, 0], possible_bytes: [9, 9, 9, 9]};
    assert.deepStrictEqual(Array.from(sums.siteValues(readModel(smallDocument({sites})), 'lost', 'bytes')), [1, 2, 0, 0]);
});

test('sites of a row, most first', () => {
    assert.deepStrictEqual(sums.sitesOf(model, {by: 'type', index: 0}, peak), [1, 0]);
    assert.deepStrictEqual(Array.from(sums.keepSelected(model, peak.slice(), {by: 'line', index: 1})), [0, 0, 0, 5]);
});

test('types count as known when they have half of the bytes', () => {
    assert.ok(sums.areTypesKnown(model));
    const types = {...smallDocument().types, gap: ['unknown', 'unknown']};
    assert.ok(!sums.areTypesKnown(readModel(smallDocument({types}))));
});

const tree = buildTree(model, false);
const totals = treeTotals(tree, peak);

/** The names and totals of a tree, indented by depth. */
function drawn(one, values) {
    const children = treeChildren(one, values.total);
    const draw = (node, depth) => (children.get(node) || []).flatMap(
        (child) => [`${'  '.repeat(depth)}${one.name[child]} ${one.place[child]} ${values.total[child]}`, ...draw(child, depth + 1)]);
    return draw(-1, 0);
}

test('calls of one function by one caller are one node', () => {
    assert.deepStrictEqual(drawn(tree, totals), [
        'main small.c 55',
        '  a small.c:10 30',
        '  b small.c:20 25',
        '    a small.c:10 25',
        'unknown  5',
        '  small.c:20 (b)  5',
    ]);
    assert.strictEqual(totals.sum, 60);
});

test('by line they stay apart', () => {
    const lines = buildTree(model, true);
    assert.deepStrictEqual(drawn(lines, treeTotals(lines, peak)).slice(0, 3), [
        'main small.c:31 45', '  b small.c:20 25', '    a small.c:10 25',
    ]);
});

test('a node is as wide as its share, and its callees lie below it', () => {
    const children = treeChildren(tree, totals.total);
    const placed = placeNodes(tree, totals, children, -1, 0);
    const main = placed.node.findIndex((node) => tree.name[node] === 'main');
    assert.deepStrictEqual([placed.from[main], placed.to[main], placed.depth[main]], [0, 55 / 60, 0]);
    assert.strictEqual(placed.depths, 3);
    placed.node.forEach((node, i) => {
        const caller = placed.node.indexOf(tree.parent[node]);
        if (caller >= 0) {
            assert.ok(placed.from[i] >= placed.from[caller] - 1e-9 && placed.to[i] <= placed.to[caller] + 1e-9);
            assert.strictEqual(placed.depth[i], placed.depth[caller] + 1);
        }
    });
});

test('the node that is zoomed to fills the width below its callers', () => {
    const children = treeChildren(tree, totals.total);
    const b = tree.name.indexOf('b');
    const placed = placeNodes(tree, totals, children, b, 0);
    assert.deepStrictEqual(placed.node.map((node) => tree.name[node]), ['main', 'b', 'a']);
    assert.deepStrictEqual(placed.to, [1, 1, 1]);
    assert.deepStrictEqual(pathTo(tree, b).map((node) => tree.name[node]), ['main', 'b']);
});

test('what is too narrow is left out', () => {
    const children = treeChildren(tree, totals.total);
    assert.strictEqual(placeNodes(tree, totals, children, -1, 0.6).node.length, 1);
    assert.strictEqual(placeNodes(tree, treeTotals(tree, new Float64Array(4)), new Map(), -1, 0).node.length, 0);
});

test('a stack of 20,000 calls is no recursion', () => {
    const count = 20000;
    const fill = (value) => new Array(count).fill(value);
    const frames = {up: fill(1).map((up, i) => i === 0 ? 0 : up), call: fill(1), flags: fill(0)};
    const sites = {frame: [count - 1], type: [0], line: [0], family: [-1], peak_bytes: [1]};
    const deep = readModel(smallDocument({frames, sites, series: null}));
    const deepTree = buildTree(deep, false);
    const deepTotals = treeTotals(deepTree, sums.siteValues(deep, 'peak', 'bytes'));
    const placed = placeNodes(deepTree, deepTotals, treeChildren(deepTree, deepTotals.total), -1, 0);
    assert.strictEqual(placed.depths, count);
});

test('a stack as text is innermost first', () => {
    assert.deepStrictEqual(stackOf(model, 2).map((call) => `${call.name} ${call.place} ${call.note}`),
        ['a small.c:10 ', 'b small.c:20 inlined', 'main small.c:31 ']);
    assert.deepStrictEqual(stackOf(model, 3), []);
});
