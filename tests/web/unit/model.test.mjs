// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {BadDocument} from '../../../reporter/web/check.js';
import {readModel} from '../../../reporter/web/model.js';
import {smallDocument} from './small.mjs';

test('a document becomes a model', () => {
    const model = readModel(smallDocument());
    assert.strictEqual(model.types.name[0], 'struct node');
    assert.deepStrictEqual(Array.from(model.sites.columns.live_bytes), [10, 20, 0, 0]);
    assert.deepStrictEqual(Array.from(model.sites.columns.frees), [0, 0, 0, 0]);
    assert.strictEqual(model.series.rows.length, 3);
});

test('a series without a point is none', () => {
    const series = {time_ms: [], live_bytes: [], rows: [], marks: []};
    assert.strictEqual(readModel(smallDocument({series})).series, null);
});

test('characters that are not seen are replaced', () => {
    const document = smallDocument();
    document.strings[6] = 'a\u202eb\ud800c\nd';
    assert.strictEqual(readModel(document).types.name[0], 'a\ufffdb\ufffdc\ufffdd');
});

test('figures over time may be written as changes', () => {
    const document = smallDocument();
    document.series.rows = [{by: 'type', index: 1, changes: [5, 0, -5, 2 ** 52]}];
    const {series} = readModel(document);
    assert.deepStrictEqual(Array.from(series.rows[0].live), [5, 5, 0, 2 ** 52]);
});

test('frames have the names of their calls', () => {
    const {frames} = readModel(smallDocument({frames: {up: [0, 1, 0, 1, 2, 1], call: [0, 1, 2, 1, 3, 1], flags: [0, 4, 0, 0, 4, 0]}}));
    assert.deepStrictEqual(Array.from(frames.parent), [-1, 0, -1, 2, 2, 4]);
    assert.deepStrictEqual(Array.from(frames.functionName), [1, 2, 1, 2, 3, 2]);
    assert.deepStrictEqual(Array.from(frames.line), [30, 10, 31, 10, 20, 10]);
    assert.deepStrictEqual(Array.from(frames.flags), [0, 4, 0, 0, 5, 0]);
});

// What is spoilt, and the place that the error must name.
const spoilt = [
    ['the document', () => null],
    ['the document', () => []],
    ['the document', (d) => ({...d, schema: 'other'})],
    ['version 1', (d) => ({...d, schema_version: 1})],
    ['strings', (d) => ({...d, strings: {}})],
    ['strings[1]', (d) => ({...d, strings: ['', 5]})],
    ['kind', (d) => ({...d, kind: 'constructor'})],
    ['process.state', (d) => ({...d, process: {...d.process, state: 'gone'}})],
    ['process.pid', (d) => ({...d, process: {...d.process, pid: -1}})],
    ['totals.live_bytes', (d) => ({...d, totals: {...d.totals, live_bytes: '30'}})],
    ['types.bytes', (d) => ({...d, types: {...d.types, bytes: [8]}})],
    ['types.name[1]', (d) => ({...d, types: {...d.types, name: [6, 99]}})],
    ['types.evidence', (d) => ({...d, types: {...d.types, evidence: []}})],
    ['frames.up[1]', (d) => ({...d, frames: {...d.frames, up: [0, 2, 0, 1, 2, 1]}})],
    ['frames.up[0]', (d) => ({...d, frames: {...d.frames, up: [-1, 1, 0, 1, 2, 1]}})],
    ['frames.call[0]', (d) => ({...d, frames: {...d.frames, call: [4, 1, 2, 1, 3, 1]}})],
    ['calls.file', (d) => ({...d, calls: {...d.calls, file: [4]}})],
    ['sites.frame[0]', (d) => ({...d, sites: {...d.sites, frame: [6, 3, 5, -1]}})],
    ['sites.type[0]', (d) => ({...d, sites: {...d.sites, type: [-1, 0, 1, 1]}})],
    ['sites.live_bytes[1]', (d) => ({...d, sites: {...d.sites, live_bytes: [1, 1.5, 0, 0]}})],
    ['sites.live_bytes[1]', (d) => ({...d, sites: {...d.sites, live_bytes: [1, NaN, 0, 0]}})],
    ['sites.peak_bytes', (d) => ({...d, sites: {...d.sites, peak_bytes: [1, 2, 3]}})],
    ['series.time_ms[1]', (d) => ({...d, series: {...d.series, time_ms: [5, 4, 200, 400]}})],
    ['series.rows[0].index', (d) => ({...d, series: {...d.series, rows: [{by: 'type', index: 2, live_bytes: []}]}})],
    ['series.rows[0].changes[2]', (d) => ({...d, series: {...d.series, rows: [{by: 'type', index: 0, changes: [5, 1, -7, 9]}]}})],
    ['series.rows[0].changes[1]', (d) => ({...d, series: {...d.series, rows: [{by: 'type', index: 0, changes: [5, 1.5, 0, 0]}]}})],
    ['series.rows[0].changes', (d) => ({...d, series: {...d.series, rows: [{by: 'type', index: 0, changes: [5]}]}})],
    ['series.rows[0].live_bytes', (d) => ({...d, series: {...d.series, rows: [{by: 'type', index: 0, live_bytes: [5]}]}})],
    ['series.marks[0].kind', (d) => ({...d, series: {...d.series, marks: [{time_ms: 1, kind: 'x', text: ''}]}})],
    ['hints[0].type', (d) => ({...d, hints: [{saves_bytes: 1, text: '', type: 9, line: -1}]})],
    ['suspects[0]', (d) => ({...d, suspects: [null]})],
    ['layouts[0].fields[0].offset', (d) => ({...d, layouts: [{type: 0, bytes: 1, fields: [{offset: -1, bytes: 1}]}]})],
];

for (const [place, spoil] of spoilt) {
    test(`a wrong ${place} is refused: ${String(spoil).slice(0, 90)}`, () => {
        assert.throws(() => readModel(spoil(smallDocument())),
            (error) => error instanceof BadDocument && error.message.includes(place));
    });
}
