// SPDX-License-Identifier: MIT
/**
 * delta: what has changed in a document since the last event (docs/http-api.md), put into it. The
 * document is changed in place and not checked here: readModel() checks it as a whole.
 */
import {arrayIn, objectIn, reject, wholeIn} from './check.js';

const GROWING = ['types', 'lines', 'calls', 'frames'];
const REPLACED = ['hints', 'suspects', 'notes'];
const ROW_KEYS = new Map([['sites', ['frame', 'type', 'line', 'family']], ['families', ['name', 'bytes']]]);
const MOST_ROWS = 10000000;

/**
 * Puts a delta into a document.
 * @param {any} document one that readModel() has accepted
 * @param {any} delta
 * @throws {BadDocument} where they do not fit; the document is then of no use
 */
export function applyDelta(document, delta) {
    objectIn(delta, 'the delta');
    for (const name of ['process', 'totals']) {
        if (delta[name]) {
            document[name] = {...document[name], ...objectIn(delta[name], name)};
        }
    }
    appendAll(document.strings, delta.strings, 'strings');
    for (const table of GROWING) {
        for (const column of delta[table] ? Object.keys(delta[table]) : []) {
            appendAll(document[table][column], delta[table][column], `${table}.${column}`);
        }
    }
    ROW_KEYS.forEach((keys, table) => {
        if (delta[table]) {
            setRows(document[table], objectIn(delta[table], table), keys, table);
        }
    });
    if (delta.series) {
        appendSeries(document, objectIn(delta.series, 'series'));
    }
    for (const name of REPLACED) {
        document[name] = delta[name] || document[name];
    }
    document.sequence = delta.sequence;
}

/**
 * @param {any} column
 * @param {any} cells undefined: none
 * @param {string} where
 */
function appendAll(column, cells, where) {
    if (cells !== undefined) {
        const target = arrayIn(column, where);
        for (const cell of arrayIn(cells, where)) {
            target.push(cell);
        }
    }
}

/**
 * Adds rows to sites or families, and sets figures.
 * @param {any} table
 * @param {any} delta
 * @param {string[]} keys the columns that say what a row is
 * @param {string} where
 */
function setRows(table, delta, keys, where) {
    const old = arrayIn(table[keys[0]], `${where}.${keys[0]}`).length;
    if (delta.from !== undefined && delta.from !== old) {
        reject(`${where}.from`, `is not ${old}`);
    }
    for (const key of keys) {
        appendAll(table[key], delta[key], `${where}.${key}`);
    }
    const count = table[keys[0]].length;
    if (count > MOST_ROWS) {
        reject(where, 'has too many rows');
    }
    const index = arrayIn(delta.index || [], `${where}.index`);
    for (const name of Object.keys(table)) {
        if (!keys.includes(name)) {
            pad(table[name], count, 0);
        }
    }
    for (const name of Object.keys(delta)) {
        if (name !== 'from' && name !== 'index' && !keys.includes(name)) {
            const column = pad(table[name] || [], count, 0);
            table[name] = column;
            arrayIn(delta[name], `${where}.${name}`).forEach((value, i) => {
                column[wholeIn(index[i], `${where}.index`, 0, count)] = value;
            });
        }
    }
}

/**
 * @param {any} column
 * @param {number} count
 * @param {number} value
 * @returns {any[]} the column, as long as count
 */
function pad(column, count, value) {
    const cells = arrayIn(column, 'a column');
    while (cells.length < count) {
        cells.push(value);
    }
    return cells;
}

/**
 * Adds points to the figures over time.
 * @param {any} document
 * @param {any} delta
 */
function appendSeries(document, delta) {
    if (!document.series) {
        document.series = {time_ms: [], live_bytes: [], rows: [], marks: []};
    }
    const {series} = document;
    const old = arrayIn(series.time_ms, 'series.time_ms').length;
    appendAll(series.time_ms, delta.time_ms, 'series.time_ms');
    const count = series.time_ms.length;
    for (const name of Object.keys(delta)) {
        if (!['time_ms', 'rows', 'marks'].includes(name)) {
            series[name] = pad(series[name] || [], old, 0);
            appendAll(series[name], delta[name], `series.${name}`);
        }
    }
    for (const name of Object.keys(series)) {
        if (!['rows', 'marks'].includes(name)) {
            pad(series[name], count, 0);
        }
    }
    /** @type {Map<string, any>} */
    const rows = new Map(series.rows.map((/** @type {any} */ row) => [`${row.by} ${row.index}`, row]));
    for (const one of arrayIn(delta.rows || [], 'series.rows')) {
        const row = objectIn(one, 'series.rows');
        const known = rows.get(`${row.by} ${row.index}`);
        if (known) {
            appendAll(known.live_bytes, row.live_bytes, 'series.rows');
        } else {
            series.rows.push(row);
        }
    }
    for (const row of series.rows) {
        const cells = arrayIn(row.live_bytes, 'series.rows');
        pad(cells, count, cells.length > 0 ? cells[cells.length - 1] : 0);
    }
    appendAll(series.marks, delta.marks, 'series.marks');
}
