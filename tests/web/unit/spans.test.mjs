// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {readModel} from '../../../reporter/web/model.js';
import * as spans from '../../../reporter/web/spans.js';
import {smallDocument} from './small.mjs';

const {series} = readModel(smallDocument());

test('layers are the largest rows, and the rest is never negative', () => {
    const layers = spans.layersOf(series, 'type');
    assert.deepStrictEqual(layers.rows.map((row) => row.index), [0, 1]);
    assert.deepStrictEqual(Array.from(layers.rest), [0, 0, 0, 0]);
    assert.deepStrictEqual(spans.layersOf(series, 'line').rows, []);
});

test('the point at a moment is the last one before it', () => {
    const found = [-5, 0, 99, 100, 250, 400, 1000].map((ms) => spans.pointAt(series.ms, ms));
    assert.deepStrictEqual(found, [0, 0, 0, 1, 2, 3, 3]);
});

test('the points of a span reach its edges', () => {
    assert.deepStrictEqual(spans.pointsIn(series.ms, {from: 150, to: 160}), [1, 2]);
    assert.deepStrictEqual(spans.pointsIn(series.ms, spans.wholeSpan(series)), [0, 1, 2, 3]);
});

test('change and trend in a span', () => {
    const live = series.rows[0].live;
    assert.strictEqual(spans.changeIn(series, live, {from: 100, to: 250}), 20);
    assert.deepStrictEqual(spans.trendIn(series, live, {from: 0, to: 400}, 3), [0, 30, 0]);
});

test('a chosen span ends with the last point', () => {
    assert.deepStrictEqual(spans.shownSpan(series, null), {from: 0, to: 400});
    assert.deepStrictEqual(spans.shownSpan(series, {from: 100, to: Infinity}), {from: 100, to: 400});
    assert.deepStrictEqual(spans.shownSpan(series, {from: 500, to: 600}), {from: 400, to: 400});
});

test('what grew most in a span', () => {
    const grown = spans.grownIn(series, 'type', {from: 100, to: 400}, 3);
    assert.deepStrictEqual(grown.map((one) => [one.row.index, one.change]), [[0, 10]]);
});

test('marks of a time axis', () => {
    assert.deepStrictEqual(spans.timeTicks({from: 0, to: 60000}, 7), [0, 10000, 20000, 30000, 40000, 50000, 60000]);
    assert.deepStrictEqual(spans.timeTicks({from: 1234, to: 2000}, 4), [1400, 1600, 1800, 2000]);
    assert.ok(spans.timeTicks({from: 0, to: 1e13}, 6).length <= 7);
    assert.deepStrictEqual(spans.timeTicks({from: 5, to: 5}, 6), [5]);
});

test('marks of bytes are multiples of a power of two', () => {
    assert.deepStrictEqual(spans.byteTicks(1000, 4), [0, 256, 512, 768]);
    assert.deepStrictEqual(spans.byteTicks(1, 4), [0, 1]);
    assert.ok(spans.byteTicks(2 ** 63, 5).length <= 6);
});

test('the largest of some sums', () => {
    assert.deepStrictEqual(spans.largestOf(Float64Array.of(0, 3, 9, 3)), [2, 1, 3]);
    assert.strictEqual(spans.largestOf(new Float64Array(20).fill(1)).length, 8);
});
