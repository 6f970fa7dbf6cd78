// SPDX-License-Identifier: MIT
import assert from 'node:assert';
import test from 'node:test';
import {changeColour, moduleColours} from '../../../reporter/web/colours.js';
import {holesOf, layoutNote} from '../../../reporter/web/layouts.js';
import {readModel} from '../../../reporter/web/model.js';
import {makeStore} from '../../../reporter/web/state.js';
import {makeTable, orderRows, tabsOf} from '../../../reporter/web/tables.js';
import {evidenceText, growthText, stateText} from '../../../reporter/web/words.js';
import {smallDocument} from './small.mjs';

const model = readModel(smallDocument());
const view = {measure: 'peak', unit: 'bytes', span: null};

/** A column of a table, by row. */
function figures(table, id) {
    return Array.from(table.columns.find((column) => column.id === id).values);
}

test('types come first when they are known, families first when the program is typed', () => {
    assert.deepStrictEqual(tabsOf(model).map((tab) => tab.id), ['types', 'lines', 'leaks', 'temporary']);
    const typed = smallDocument({families: {name: [6], bytes: [8]}});
    typed.process.is_typed = true;
    assert.deepStrictEqual(tabsOf(readModel(typed)).map((tab) => tab.word).slice(0, 2), ['Families', 'Types']);
    typed.process.is_typed = false;
    assert.strictEqual(tabsOf(readModel(typed)).pop().word, 'Sizes');
});

test('the table of types', () => {
    const table = makeTable(model, 'types', view);
    assert.deepStrictEqual(table.name, ['struct node', 'unknown']);
    assert.deepStrictEqual(table.note, ['small.c:3', '']);
    assert.deepStrictEqual(figures(table, 'bytes'), [30, 30]);
    assert.deepStrictEqual(figures(table, 'size'), [10, 5]);
    assert.deepStrictEqual(figures(table, 'change'), [40, 0]);
});

test('the change follows the span', () => {
    const table = makeTable(model, 'types', {...view, span: {from: 100, to: 200}});
    assert.deepStrictEqual(figures(table, 'change'), [0, 20]);
});

test('the live bytes at the end of a chosen span are a column of their own', () => {
    const has = (span) => makeTable(model, 'types', {...view, span}).columns.find((one) => one.id === 'then');
    assert.strictEqual(has(null), undefined);
    for (const [span, word, expected] of [
        [{from: 100, to: 200}, 'At 0.2 s', [30, 30]], [{from: 0, to: 250}, 'At 0.25 s', [30, 30]],
        [{from: 200, to: Infinity}, 'At 0.4 s', [40, 0]], [{from: 0, to: 0}, 'At 0 s', [0, 0]],
    ]) {
        assert.strictEqual(has(span).word, word);
        assert.deepStrictEqual(Array.from(has(span).values), expected, word);
    }
    const document = smallDocument();
    document.series.rows.shift();
    const then = makeTable(readModel(document), 'types', {...view, span: {from: 0, to: 200}}).columns.find((one) => one.id === 'then');
    assert.ok(Number.isNaN(then.values[1]), 'a row without figures over time');
});

test('a row without figures over time has no change, and is last in every order', () => {
    const document = smallDocument();
    document.series.rows.shift();
    const table = makeTable(readModel(document), 'types', view);
    assert.ok(Number.isNaN(figures(table, 'change')[1]));
    assert.deepStrictEqual(orderRows(table, {column: 'change', isRising: true}, ''), [0, 1]);
    assert.deepStrictEqual(orderRows(table, {column: 'change', isRising: false}, ''), [0, 1]);
});

test('rows are filtered by words, and ordered by name or figure', () => {
    const table = makeTable(model, 'lines', view);
    assert.deepStrictEqual(orderRows(table, {column: 'bytes', isRising: true}, ''), [1, 0]);
    assert.deepStrictEqual(orderRows(table, {column: 'name', isRising: true}, ''), [0, 1]);
    assert.deepStrictEqual(orderRows(table, {column: 'bytes', isRising: false}, ' small (B) '), [1]);
    assert.deepStrictEqual(orderRows(table, {column: 'bytes', isRising: false}, 'none'), []);
});

test('leaks say why there are none', () => {
    assert.match(makeTable(model, 'leaks', view).nothing, /No leak check was made/);
    const amount = {bytes: 0, blocks: 0};
    const check = {time_ns: 1, is_at_exit: true, failure: 'no room', definite: amount, indirect: amount, possible: amount,
        reachable: amount, suppressed: amount};
    assert.match(makeTable(readModel(smallDocument({leak_check: check})), 'leaks', view).nothing, /no room/);
});

test('a comparison has before, after and the change', () => {
    const document = smallDocument({kind: 'diff', series: null});
    document.sites.before_peak_bytes = [40, 0, 0, 0];
    const table = makeTable(readModel(document), 'types', view);
    assert.deepStrictEqual(figures(table, 'change'), [-10, 30]);
    assert.strictEqual(table.order, 'change');
});

test('holes of a layout', () => {
    const field = (name, offset, bytes) => ({name, type: 'int', offset, bytes, bits: null});
    const layout = {type: 0, bytes: 24, better: 16, fields: [field('b', 8, 4), field('a', 0, 1), field('far', 2 ** 40, 8), field('c', 20, 99)]};
    assert.deepStrictEqual(holesOf(layout).map((part) => `${part.name}@${part.offset}+${part.bytes}`),
        ['a@0+1', '@1+7', 'b@8+4', '@12+8', 'c@20+4']);
    assert.strictEqual(layoutNote(layout), '15 of 24 bytes are padding, in 2 holes. In a better order it has 16 bytes.');
});

test('states of a process in words', () => {
    const words = [
        [{state: 'exited', exit_status: 3}, 'ended with status 3 after 2.0 s'],
        [{state: 'killed', signal: 9, signal_name: 'SIGKILL'}, 'killed by SIGKILL after 2.0 s'],
        [{state: 'killed', signal: 34, signal_name: null}, 'killed by signal 34 after 2.0 s'],
        [{state: 'running', end_time_ns: 0}, 'running for 2.0 s'],
        [{state: 'replaced'}, 'replaced by another program (exec) after 2.0 s'],
    ];
    for (const [process, expected] of words) {
        const document = smallDocument();
        assert.strictEqual(stateText(readModel({...document, process: {...document.process, ...process}}).process), expected);
    }
});

test('sentences of growth and evidence', () => {
    assert.strictEqual(growthText({type: 0, line: -1, perHour: 3250585, steadyMs: 7200000, limitMs: 20400000}),
        'grows 3.10 MiB an hour, steadily for 2 h; the limit is reached in 5 h 40 min.');
    assert.strictEqual(evidenceText('likely', ['source']), 'Likely, by the statement in the source.');
    assert.strictEqual(evidenceText('none', []), 'Not known.');
});

test('colours of changes and modules', () => {
    assert.strictEqual(changeColour(5, 5, false), changeColour(0, 0, false));
    assert.notStrictEqual(changeColour(1, 5, false), changeColour(5, 1, false));
    const colours = moduleColours(Array.from({length: 10}, (_, i) => `m${i}`), true);
    assert.strictEqual(new Set(Array.from(colours.values()).slice(0, 8)).size, 8);
    assert.strictEqual(colours.get('m8'), colours.get('m9'));
});

test('the state tells what changed, and drops what is gone', () => {
    const store = makeStore(model);
    const seen = [];
    store.watch((changed) => seen.push(Array.from(changed).sort().join()));
    assert.strictEqual(store.now.measure, 'peak');
    store.set({unit: 'bytes'});
    store.set({selection: {by: 'type', index: 1}});
    store.set({focus: 1});
    store.set({model: readModel(smallDocument({types: {...smallDocument().types, name: [6, 6]}}))});
    const {tree} = store.now;
    store.set({model: readModel(smallDocument({types: {...smallDocument().types, name: [6, 6]}}))});
    assert.strictEqual(store.now.tree, tree);
    assert.deepStrictEqual(seen, ['selection', 'focus', 'model,tree', 'model']);
    assert.strictEqual(store.now.focus, 1);
    store.set({selection: null});
    assert.strictEqual(store.now.focus, -1);
});
