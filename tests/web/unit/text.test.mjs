// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import * as text from '../../../reporter/web/text.js';

const cases = [
    ['bytes', text.bytesText, [
        [0, '0 bytes'], [1, '1 byte'], [1023, '1,023 bytes'], [1024, '1.00 KiB'], [19.4 * 1024, '19.4 KiB'],
        [1023.4 * 1024, '1,023 KiB'], [1023.6 * 1024, '1.00 MiB'], [1299123456, '1.21 GiB'], [-2048, '\u22122.00 KiB'],
        [2 ** 63, '8.00 EiB'], [2 ** 80, '1,048,576 EiB'],
    ]],
    ['exact', text.exactText, [[0, '0'], [999, '999'], [1299123456, '1,299,123,456'], [-1000, '\u22121,000']]],
    ['duration', text.durationText, [
        [0, '0 ms'], [350, '350 ms'], [62100, '62.1 s'], [312000, '5 min 12 s'], [20400000, '5 h 40 min'],
        [7200000, '2 h'], [273600000, '3 d 4 h'],
    ]],
    ['clock', text.clockText, [[0, '0 s'], [2500, '2.5 s'], [90000, '1:30'], [8100000, '2:15:00']]],
    ['file name', text.fileName, [['/usr/src/a.c', 'a.c'], ['a.c', 'a.c'], ['', '']]],
    ['blocks', text.blocksText, [[1, '1 block'], [0, '0 blocks'], [1e6, '1,000,000 blocks']]],
];

for (const [name, write, rows] of cases) {
    test(`${name} as text`, () => {
        for (const [value, expected] of rows) {
            assert.strictEqual(write(value), expected);
        }
    });
}

test('a share is in percent, and small ones are not 0', () => {
    assert.strictEqual(text.shareText(1, 3), '33.3 %');
    assert.strictEqual(text.shareText(1, 1e6), '< 0.1 %');
    assert.strictEqual(text.shareText(3, 3), '100 %');
    assert.strictEqual(text.shareText(0, 0), '');
});

test('a change has its sign', () => {
    assert.strictEqual(text.changeText(1024, text.bytesText), '+1.00 KiB');
    assert.strictEqual(text.changeText(-1, text.exactText), '\u22121');
    assert.strictEqual(text.changeText(0, text.bytesText), '0');
});

test('a search finds all of its words in any order', () => {
    assert.ok(text.hasWords('dict.c:146 (dictInsert)', 'INSERT dict'));
    assert.ok(!text.hasWords('dict.c:146', 'dict expand'));
});

test('a moment outside the calendar is named so', () => {
    assert.strictEqual(text.momentText(1e300), 'an unknown time');
});
