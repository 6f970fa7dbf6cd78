// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {BadDocument} from '../../../reporter/web/check.js';
import {applyDelta} from '../../../reporter/web/delta.js';
import {readModel} from '../../../reporter/web/model.js';
import {ProcessList, listedState} from '../../../reporter/web/processes.js';
import {smallDocument} from './small.mjs';

/** The model of the small document after a delta. */
function after(delta) {
    const document = smallDocument();
    applyDelta(document, {sequence: 2, ...delta});
    return readModel(document);
}

test('members that are given replace those of process and totals', () => {
    const model = after({process: {state: 'killed', signal: 9}, totals: {live_bytes: 31}});
    assert.deepStrictEqual([model.process.state, model.process.pid, model.totals.live_bytes, model.totals.live_blocks],
        ['killed', 7, 31, 3]);
});

test('new rows of strings, types, lines and frames come after the old ones', () => {
    const model = after({
        strings: ['struct new'],
        types: {name: [8], confidence: ['likely'], evidence: [['size']], bytes: [4], file: [0], line: [0], gap: [''], lacking: [0]},
        lines: {function: [8], file: [4], line: [40], module: [5], id: [62]},
        calls: {function: [8], file: [4], line: [40], module: [5], flags: [0]},
        frames: {up: [1], call: [4], flags: [0]},
    });
    assert.strictEqual(model.types.name[2], 'struct new');
    assert.strictEqual(model.lines.count, 3);
    assert.strictEqual(model.frames.parent[6], 5);
});

test('figures are set by index, also those of new sites', () => {
    const model = after({sites: {
        from: 4, frame: [3], type: [0], line: [1], family: [-1], index: [0, 4], live_bytes: [11, 7], frees: [0, 5],
    }});
    assert.deepStrictEqual(Array.from(model.sites.columns.live_bytes), [11, 20, 0, 0, 7]);
    assert.deepStrictEqual(Array.from(model.sites.columns.peak_bytes), [10, 20, 25, 5, 0]);
    assert.deepStrictEqual(Array.from(model.sites.columns.frees), [0, 0, 0, 0, 5]);
});

test('points are added to figures over time; rows that are not named keep their last value', () => {
    const {series} = after({series: {
        time_ms: [500, 600], live_bytes: [50, 60], resident_bytes: [100, 110],
        rows: [{by: 'type', index: 0, live_bytes: [41, 42]}, {by: 'line', index: 1, live_bytes: [0, 0, 0, 0, 1, 2]}],
        marks: [{time_ms: 500, kind: 'mark', text: 'now'}],
    }});
    assert.deepStrictEqual(Array.from(series.ms), [0, 100, 200, 400, 500, 600]);
    assert.deepStrictEqual(Array.from(series.resident), [0, 0, 0, 0, 100, 110]);
    assert.deepStrictEqual(series.rows.map((row) => Array.from(row.live)), [
        [0, 10, 30, 0, 0, 0], [0, 30, 30, 40, 41, 42], [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 2]]);
    assert.strictEqual(series.marks.length, 2);
});

test('a column that a delta leaves out is unknown for its points', () => {
    const document = smallDocument();
    document.series.resident_bytes = [1, 2, 3, 4];
    applyDelta(document, {sequence: 2, series: {time_ms: [500], live_bytes: [5]}});
    assert.deepStrictEqual(Array.from(readModel(document).series.resident), [1, 2, 3, 4, 0]);
});

test('a first point makes the figures over time', () => {
    const document = smallDocument({series: null});
    applyDelta(document, {sequence: 2, series: {time_ms: [1000], live_bytes: [5], rows: [], marks: []}});
    assert.deepStrictEqual(Array.from(readModel(document).series.live), [5]);
});

test('hints are replaced when they are given', () => {
    const hint = {saves_bytes: 1, text: 'x', type: -1, line: -1};
    assert.strictEqual(after({hints: [hint]}).hints.length, 1);
    assert.strictEqual(after({}).hints.length, 0);
});

test('suspects and notes are replaced when they are given, and stay when they are not', () => {
    const suspect = {type: 0, line: 1, bytes_per_hour: 100, steady_ms: 60000, reaches_limit_ms: 0};
    const document = smallDocument();
    applyDelta(document, {sequence: 2, suspects: [suspect, {...suspect, line: 0}], notes: ['a note']});
    assert.deepStrictEqual(readModel(document).suspects.map((one) => one.line), [1, 0]);
    applyDelta(document, {sequence: 3, totals: {live_bytes: 5}});
    assert.deepStrictEqual([readModel(document).suspects.length, readModel(document).notes], [2, ['a note']]);
    applyDelta(document, {sequence: 4, suspects: []});
    assert.deepStrictEqual(readModel(document).suspects, []);
    assert.throws(() => after({suspects: [{...suspect, line: 99}]}), BadDocument);
});

const bad = [
    null, {sites: {from: 3, frame: [], index: []}}, {sites: {index: [9], live_bytes: [1]}}, {sites: {index: [], live_bytes: [1]}},
    {sites: {index: [0], live_bytes: 5}}, {strings: {}}, {types: {name: [99]}}, {lines: {other: [1]}}, {series: {time_ms: [401], live_bytes: [1, 2]}},
    {sites: {index: [0], live_bytes: [-4]}}, {process: []},
];

for (const delta of bad) {
    test(`what does not fit is refused: ${JSON.stringify(delta)}`, () => {
        const document = smallDocument();
        assert.throws(() => {
            applyDelta(document, delta);
            readModel(document);
        }, BadDocument);
    });
}

test('the list of processes: running ones first, then the newest', () => {
    const list = new ProcessList();
    const one = (id, state, start) => ({id, program: id, state, start_time_ns: start, pid: 1});
    list.replace({processes: [one('a', 'exited', 5), one('b', 'running', 1), one('c', 'killed', 9)]});
    assert.deepStrictEqual(list.rows().map((row) => row.id), ['b', 'c', 'a']);
    list.change({changed: [one('d', 'running', 2)], gone: ['c']});
    assert.deepStrictEqual(list.rows().map((row) => row.id), ['d', 'b', 'a']);
    assert.strictEqual(listedState(list.rows()[0], 2 + 3e9), 'running for 3.0 s');
    assert.throws(() => list.change({changed: [one('e', 'flying', 2)]}), BadDocument);
});
