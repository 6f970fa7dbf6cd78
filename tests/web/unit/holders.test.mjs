// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {BadDocument} from '../../../reporter/web/check.js';
import {heldText, offsetText, readHolders, whyText} from '../../../reporter/web/holders.js';
import {readModel} from '../../../reporter/web/model.js';
import {smallDocument} from './small.mjs';

const LINK = {type: 0, line: 0, least_bytes: 8, most_bytes: 16, is_inside: false, from: null, loop: null};
const GROUP = {blocks: 3, bytes: 36, root: 'small!head', links_left_out: 0, links: [LINK]};

/** @param {Record<string, any>} [changes] */
function document(changes) {
    return {schema: 'lmm-holders', schema_version: 1, held_blocks: 3, held_bytes: 36, ways: 1, retained_bytes: null,
        groups: [GROUP], ...changes};
}

test('where pointers lie, with the names of fields', () => {
    const layout = {type: 0, bytes: 64, better: null, fields: [
        {name: 'next', type: '', offset: 0, bytes: 8, bits: null}, {name: 'bits', type: '', offset: 8, bytes: 4, bits: 3},
        {name: 'slots', type: '', offset: 16, bytes: 32, bits: null}, {name: '', type: '', offset: 48, bytes: 8, bits: null}]};
    for (const [range, of, expected] of /** @type {[number[], any, string][]} */ ([
        [[0, 0, 0], layout, '.next'], [[16, 40, 8], layout, '.slots +8\u00d7i'], [[24, 24, 0], layout, '.slots +8'],
        [[8, 8, 0], layout, '+8'], [[48, 48, 0], layout, '+48'], [[16, 48, 8], layout, '+16 +8\u00d7i'], [[99, 99, 0], layout, '+99'],
        [[0, 0, 0], undefined, '+0'],
    ])) {
        assert.strictEqual(offsetText({first: range[0], last: range[1], step: range[2]}, of), expected, String(range));
    }
});

test('what is held, in a sentence', () => {
    for (const [changes, live, expected] of /** @type {[any, number, string][]} */ ([
        [{}, 3, '3 blocks are held, in one way.'],
        [{held_blocks: 1, ways: 1}, 1, '1 block is held, in one way.'],
        [{ways: 1200}, 5, '3 blocks are held, in 1,200 ways. Nothing leads to 2 more: lost, or freed meanwhile.'],
        [{}, 2, '3 blocks are held, in one way.'],
        [{held_blocks: 0, groups: []}, 2, 'No pointer that LMM follows leads to any of these blocks: they are lost.'],
        [{held_blocks: 0, groups: []}, 0, 'It has no live blocks.'],
    ])) {
        assert.strictEqual(heldText(readHolders(document(changes)), live), expected);
    }
});

test('the command that asks', () => {
    const running = {state: 'running'};
    for (const [process, row, expected] of /** @type {[any, any, string | null][]} */ ([
        [running, {by: 'line', index: 1}, 'lmm leaks 7 --why=#61'],
        [running, {by: 'type', index: 0}, 'lmm leaks 7 --why=#60'],
        [{}, {by: 'line', index: 1}, 'lmm leaks small --why=small.c:20'],
        [{}, {by: 'type', index: 1}, 'lmm leaks small --why=small.c:10'],
        [{program: ''}, {by: 'line', index: 0}, 'lmm leaks PID --why=small.c:10'],
        [{}, {by: 'family', index: 0}, null],
    ])) {
        const small = smallDocument();
        const why = whyText(readModel({...small, process: {...small.process, ...process}}), row);
        assert.strictEqual(why && why.command, expected, JSON.stringify(row));
    }
});

test('a document that is damaged is refused', () => {
    for (const [name, broken] of Object.entries({
        'another schema': document({schema: 'lmm-rows'}),
        'another version': document({schema_version: 2}),
        'no groups': document({groups: null}),
        'a way without links': document({groups: [{...GROUP, links: []}]}),
        'a negative amount': document({groups: [{...GROUP, bytes: -1}]}),
        'an offset that is no range': document({groups: [{...GROUP, links: [{...LINK, from: [1, 2]}]}]}),
        'a type below -1': document({groups: [{...GROUP, links: [{...LINK, type: -2}]}]}),
        'no line': document({groups: [{...GROUP, links: [{...LINK, line: undefined}]}]}),
        'a root that is no text': document({groups: [{...GROUP, root: 7}]}),
    })) {
        assert.throws(() => readHolders(broken), BadDocument, name);
    }
});
