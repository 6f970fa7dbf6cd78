// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {BadDocument} from '../../../reporter/web/check.js';
import {cellAt, cellTexts, fillStep, pagesText, readPages} from '../../../reporter/web/pages.js';

/**
 * @param {number[]} pages
 * @param {number[]} slots
 * @param {number[]} live
 * @param {Record<string, any>} [changes]
 */
function document(pages, slots, live, changes) {
    return {schema: 'lmm-pages', schema_version: 1, pages_per_cell: Math.max(1, ...pages),
        pages: pages.reduce((all, one) => all + one, 0), pages_left_out: 0,
        cells: {family: pages.map(() => 0), pages, slots, live_slots: live}, ...changes};
}

test('a cell is empty, or has one of five steps', () => {
    for (const [live, slots, step] of [[0, 120, 0], [1, 120, 1], [24, 120, 1], [25, 120, 2], [96, 120, 4], [97, 120, 5], [120, 120, 5],
        [0, 0, 0]]) {
        assert.strictEqual(fillStep(live, slots), step, `${live} of ${slots}`);
    }
});

test('what the pages are, in words', () => {
    for (const [pages, slots, live, changes, expected] of [
        [[], [], [], {}, '0 pages.'],
        [[1], [120], [37], {}, '1 page, 31 % full.'],
        [[1, 1], [100, 300], [100, 0], {}, '2 pages, 25 % full.'],
        [[2, 1], [200, 100], [200, 100], {pages: 1204, pages_left_out: 4},
            '1,204 pages, 100 % full. A cell is up to 2 pages. 4 pages have no cell.'],
    ]) {
        assert.strictEqual(pagesText(readPages(document(pages, slots, live, changes))), expected);
    }
});

test('what a cell says', () => {
    const pages = readPages(document([1, 2, 1], [120, 2400, 120], [37, 1200, 0]));
    assert.deepStrictEqual(cellTexts(pages),
        ['page 1: 37 of 120 slots', 'pages 2 to 3: 1,200 of 2,400 slots', 'page 4: 0 of 120 slots']);
});

test('a document that is damaged is refused', () => {
    for (const [name, broken] of Object.entries({
        'another schema': document([1], [1], [1], {schema: 'lmm-rows'}),
        'another version': document([1], [1], [1], {schema_version: 2}),
        'no cells': document([], [], [], {cells: null}),
        'columns of different lengths': document([1, 1], [1], [1]),
        'more live slots than slots': document([1], [1], [2]),
        'a negative figure': document([1], [1], [-1]),
        'a text': document([1], [1], [1], {pages: '1'}),
    })) {
        assert.throws(() => readPages(broken), BadDocument, name);
    }
});

test('keys lead from cell to cell', () => {
    for (const [key, at, count, expected] of /** @type {[string, number, number, number][]} */ ([
        ['ArrowRight', 0, 200, 1], ['ArrowRight', 199, 200, 199], ['ArrowLeft', 0, 200, 0], ['ArrowDown', 1, 200, 65],
        ['ArrowDown', 190, 200, 190], ['ArrowUp', 65, 200, 1], ['ArrowUp', 1, 200, 1], ['Home', 77, 200, 0], ['End', 0, 200, 199],
        ['Enter', 3, 200, -1], ['a', 3, 200, -1],
    ])) {
        assert.strictEqual(cellAt(key, at, count), expected, `${key} at ${at}`);
    }
});
