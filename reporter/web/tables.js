// SPDX-License-Identifier: MIT
/**
 * tables: what each table shows: its rows, its columns of figures, its order. No DOM here; the
 * virtual list of grid.js draws them.
 */
import {clockText, hasWords, placeText} from './text.js';
import {areTypesKnown, lineName, rowCount, siteValues, sumBy, sumOf, typeName} from './sums.js';
import {changeIn, columnsBy, largestOf, layersOf, pointAt, shownSpan} from './spans.js';

/**
 * @typedef {Object} Column
 * @property {string} id
 * @property {string} word its head
 * @property {string} says its title
 * @property {'name' | 'bar' | 'bytes' | 'count' | 'change' | 'size' | 'percent' | 'trend'} kind
 * @property {Float64Array | null} values null: the names, or a trend
 * @property {number} rank 0 is always shown; the higher, the wider the page must be
 *
 * @typedef {Object} Table
 * @property {string} id
 * @property {'type' | 'line' | 'family'} by whose rows it has
 * @property {Column[]} columns
 * @property {string[]} name of each row
 * @property {string[]} note of each row, in a quieter colour
 * @property {number[]} rows those that have something to show
 * @property {string} order the column by which it is sorted at first
 * @property {string} nothing what an empty table says
 *
 * @typedef {{id: string, word: string}} Tab
 *
 * @typedef {Object} View what the reader chose
 * @property {string} measure
 * @property {string} unit
 * @property {import('./spans.js').Span | null} span
 */

/**
 * The tables that a model has, the most telling one first.
 * @param {import('./model.js').Model} model
 * @returns {Tab[]}
 */
export function tabsOf(model) {
    const types = {id: 'types', word: 'Types'};
    const lines = {id: 'lines', word: 'Lines'};
    const tabs = areTypesKnown(model) || model.process.isTyped ? [types, lines] : [lines, types];
    if (model.kind !== 'diff') {
        tabs.push({id: 'leaks', word: 'Leaks'}, {id: 'temporary', word: 'Temporary'});
    }
    if (model.families.count > 0) {
        const families = {id: 'families', word: model.process.isTyped ? 'Families' : 'Sizes'};
        tabs.splice(model.process.isTyped ? 0 : tabs.length, 0, families);
    }
    return tabs;
}

/**
 * Makes a table.
 * @param {import('./model.js').Model} model
 * @param {string} id of a tab
 * @param {View} view
 * @returns {Table}
 */
export function makeTable(model, id, view) {
    switch (id) {
    case 'leaks': return leakTable(model);
    case 'temporary': return temporaryTable(model);
    case 'families': return familyTable(model, view);
    case 'lines': return mainTable(model, 'line', id, view);
    default: return mainTable(model, 'type', 'types', view);
    }
}

/**
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line' | 'family'} by
 * @returns {{name: string[], note: string[]}}
 */
function namesOf(model, by) {
    const {types, lines, families} = model;
    if (by === 'type') {
        return {
            name: types.name.map((_, i) => typeName(model, i)),
            note: types.file.map((file, i) => types.gap[i] ? gapNote(model, i) : placeText(file, types.line[i])),
        };
    }
    if (by === 'line') {
        return {
            name: lines.file.map((_, i) => lineName(model, i, placeText)),
            note: lines.module.map((module) => placeText(module, 0)),
        };
    }
    return {name: families.name, note: families.name.map(() => '')};
}

/**
 * Why a type is not known.
 * @param {import('./model.js').Model} model
 * @param {number} index
 * @returns {string}
 */
export function gapText(model, index) {
    const gap = model.types.gap[index];
    const module = placeText(model.types.lacking[index], 0);
    return module && gap !== 'unknown' ? `${module}: ${gapWords(gap)}` : gap;
}

/**
 * The same beside the row's name, which has the module.
 * @param {import('./model.js').Model} model
 * @param {number} index
 * @returns {string}
 */
function gapNote(model, index) {
    const gap = model.types.gap[index];
    return gap === 'unknown' ? '' : gapWords(gap);
}

/**
 * @param {string} gap
 * @returns {string}
 */
function gapWords(gap) {
    return gap === 'library' ? 'its own blocks' : gap;
}

/**
 * @param {Column['kind']} kind
 * @param {string} id
 * @param {string} word
 * @param {string} says
 * @param {Float64Array | null} values
 * @param {number} rank
 * @returns {Column}
 */
function column(kind, id, word, says, values, rank) {
    return {kind, id, word, says, values, rank};
}

/**
 * @param {Float64Array} a
 * @param {Float64Array} b
 * @param {(a: number, b: number) => number} combine
 * @returns {Float64Array}
 */
function combined(a, b, combine) {
    return a.map((value, i) => combine(value, b[i]));
}

/**
 * Rows of types, lines or families with the measure that the reader chose.
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line' | 'family'} by
 * @param {string} id
 * @param {View} view
 * @returns {Table}
 */
function mainTable(model, by, id, view) {
    const keys = model.sites[by];
    const count = rowCount(model, by);
    const sum = (/** @type {string} */ measure, /** @type {string} */ unit, /** @type {boolean} */ isBefore) =>
        sumBy(siteValues(model, measure, unit, isBefore), keys, count);
    const bytes = sum(view.measure, 'bytes', false);
    const blocks = sum(view.measure, 'blocks', false);
    const chosen = view.unit === 'bytes' ? bytes : blocks;
    const columns = [column('name', 'name', {type: 'Type', line: 'Line', family: 'Family'}[by], '', null, 0),
        column('bar', 'bar', 'Share', 'of all', chosen, 1)];
    if (model.kind === 'diff') {
        columns.push(...diffColumns(chosen, sum(view.measure, view.unit, true), view));
    } else {
        if (view.measure !== 'temporary') {
            columns.push(column('bytes', 'bytes', 'Bytes', 'as the program requested them', bytes, 0));
        }
        columns.push(column('count', 'blocks', 'Blocks', '', blocks, 1));
        if (view.measure !== 'temporary') {
            columns.push(column('size', 'size', 'Average', 'bytes of a block', combined(bytes, blocks, ratio), 3));
        }
        columns.push(...timeColumns(model, by, count, view));
        const lost = sum('lost', 'bytes', false);
        if (view.measure !== 'lost' && sumOf(lost) > 0) {
            columns.push(column('bytes', 'lost', 'Lost', 'definitely lost, and what hangs on such blocks', lost, 2));
        }
    }
    const ever = combined(combined(sum('allocated', 'blocks', false), sum('peak', 'blocks', false), add),
        combined(sum('allocated', 'blocks', true), combined(bytes, blocks, add), add), add);
    return {
        id, by, columns, ...namesOf(model, by), rows: rowsWith(ever),
        order: model.kind === 'diff' ? 'change' : view.unit === 'bytes' && view.measure !== 'temporary' ? 'bytes' : 'blocks',
        nothing: 'The process has allocated nothing.',
    };
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
function add(a, b) {
    return a + b;
}

/**
 * @param {number} a
 * @param {number} b
 * @returns {number} 0 if nothing is divided
 */
function ratio(a, b) {
    return b > 0 ? a / b : 0;
}

/**
 * @param {Float64Array} values
 * @returns {number[]} the rows with more than 0
 */
function rowsWith(values) {
    return Array.from(values.keys()).filter((i) => values[i] > 0);
}

/**
 * @param {Float64Array} now
 * @param {Float64Array} before
 * @param {View} view
 * @returns {Column[]}
 */
function diffColumns(now, before, view) {
    const kind = view.unit === 'bytes' ? 'bytes' : 'count';
    return [
        column(kind, 'before', 'Before', 'at the earlier moment', before, 1),
        column(kind, 'now', 'After', 'at the later moment', now, 0),
        column('change', 'change', 'Change', 'from the earlier moment to the later one',
            combined(now, before, (a, b) => a - b), 0),
    ];
}

/**
 * The types that families of a typed program have, by their names.
 * @param {import('./model.js').Model} model
 * @returns {number[]} the type of each family; -1: none
 */
function typesOfFamilies(model) {
    const types = new Map(model.types.name.map((name, i) => [name, i]));
    return model.families.name.map((name) => {
        const type = types.get(name);
        return type === undefined ? -1 : type;
    });
}

/**
 * The figures over time of the rows of a table; of a family those of its type.
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line' | 'family'} by
 * @returns {Map<number, Float64Array>} by row
 */
export function seriesBy(model, by) {
    if (by !== 'family') {
        return columnsBy(model.series, by);
    }
    const types = columnsBy(model.series, 'type');
    const known = new Map();
    typesOfFamilies(model).forEach((type, family) => {
        const live = types.get(type);
        if (live && model.process.isTyped) {
            known.set(family, live);
        }
    });
    return known;
}

/**
 * What follows the span, where figures over time are known: the live bytes at its end, if the reader chose one,
 * and their change and trend.
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line' | 'family'} by
 * @param {number} count
 * @param {View} view
 * @returns {Column[]}
 */
function timeColumns(model, by, count, view) {
    const {series} = model;
    const known = seriesBy(model, by);
    if (!series || known.size === 0) {
        return [];
    }
    const span = shownSpan(series, view.span);
    const change = new Float64Array(count).fill(NaN);
    const then = new Float64Array(count).fill(NaN);
    known.forEach((live, index) => {
        change[index] = changeIn(series, live, span);
        then[index] = live[pointAt(series.ms, span.to)];
    });
    const atEnd = column('bytes', 'then', `At ${clockText(span.to)}`, 'live bytes at the end of the chosen span', then, 0);
    return [
        ...(view.span ? [atEnd] : []),
        column('change', 'change', 'Change', 'of live bytes over the span', change, 1),
        column('trend', 'trend', 'Trend', 'of live bytes over the span', null, 2),
    ];
}

/**
 * @param {import('./model.js').Model} model
 * @returns {Table}
 */
function leakTable(model) {
    const {count} = model.lines;
    const sum = (/** @type {string} */ name) => sumBy(model.sites.columns[name], model.sites.line, count);
    const classes = ['definite', 'indirect', 'possible', 'reachable'];
    const bytes = classes.map((name) => sum(name + '_bytes'));
    const blocks = classes.map((name) => sum(name + '_blocks')).reduce((a, b) => combined(a, b, add));
    const lost = combined(bytes[0], bytes[1], add);
    return {
        id: 'leaks', by: 'line', ...namesOf(model, 'line'),
        columns: [
            column('name', 'name', 'Line', '', null, 0),
            column('bar', 'bar', 'Share', 'of all lost bytes', lost, 2),
            column('bytes', 'definite', 'Definitely', 'lost: nothing points to such a block', bytes[0], 0),
            column('bytes', 'indirect', 'Indirectly', 'lost: only lost blocks point to such a block', bytes[1], 1),
            column('bytes', 'possible', 'Possibly', 'lost: only pointers into such a block were found', bytes[2], 1),
            column('bytes', 'reachable', 'Reachable', 'the program could still free it', bytes[3], 2),
            column('count', 'blocks', 'Blocks', 'of all four classes', blocks, 1),
        ],
        rows: rowsWith(blocks),
        order: 'definite',
        nothing: leaksNothing(model.leakCheck),
    };
}

/**
 * What the table of leaks says without rows.
 * @param {import('./model.js').LeakCheck | null} check
 * @returns {string}
 */
function leaksNothing(check) {
    if (!check) {
        return 'No leak check was made. lmm run makes one when the program ends; lmm leaks PID makes one now.';
    }
    if (check.failure) {
        return `The leak check was not done: ${check.failure}`;
    }
    return 'Nothing was left: no block is lost, and none is still reachable.';
}

/**
 * @param {import('./model.js').Model} model
 * @returns {Table}
 */
function temporaryTable(model) {
    const {count} = model.lines;
    const sum = (/** @type {string} */ name) => sumBy(model.sites.columns[name], model.sites.line, count);
    const temporaries = sum('temporaries');
    const allocations = sum('allocations');
    const bytes = sum('allocated_bytes');
    return {
        id: 'temporary', by: 'line', ...namesOf(model, 'line'),
        columns: [
            column('name', 'name', 'Line', '', null, 0),
            column('bar', 'bar', 'Share', 'of all temporary blocks', temporaries, 1),
            column('count', 'temporaries', 'Temporary', 'blocks freed before the same thread allocated again',
                temporaries, 0),
            column('percent', 'part', 'Of its own', 'temporary blocks of all that the line allocated',
                combined(temporaries, allocations, ratio), 1),
            column('count', 'allocations', 'Blocks', 'allocated ever', allocations, 1),
            column('size', 'size', 'Average', 'bytes of a block', combined(bytes, allocations, ratio), 2),
        ],
        rows: rowsWith(temporaries),
        order: 'temporaries',
        nothing: 'No block was temporary.',
    };
}

/**
 * Families of a typed program with the chosen measure; else the size classes of malloc.
 * @param {import('./model.js').Model} model
 * @param {View} view
 * @returns {Table}
 */
function familyTable(model, view) {
    const {columns} = model.families;
    const pages = [
        column('bytes', 'committed', 'Pages', 'memory of its pages', columns.committed_bytes, 1),
        column('percent', 'full', 'Full', 'live bytes of the memory of its pages',
            combined(columns.live_bytes, columns.committed_bytes, ratio), 1),
    ];
    if (model.process.isTyped) {
        const table = mainTable(model, 'family', 'families', view);
        return model.kind === 'diff' ? table : {...table, columns: [...table.columns, ...pages]};
    }
    return {
        id: 'families', by: 'family', ...namesOf(model, 'family'),
        columns: [
            column('name', 'name', 'Size class', '', null, 0),
            column('bar', 'bar', 'Share', 'of all live bytes', columns.live_bytes, 2),
            column('bytes', 'live', 'Live', 'live bytes', columns.live_bytes, 0),
            column('bytes', 'peak', 'Peak', 'its own most live bytes', columns.peak_bytes, 1),
            column('count', 'blocks', 'Blocks', 'live', columns.live_blocks, 1),
            column('count', 'allocations', 'Allocated', 'blocks ever', columns.allocations, 1),
            ...pages,
        ],
        rows: rowsWith(combined(columns.allocations, combined(columns.committed_bytes, columns.live_blocks, add), add)),
        order: sumOf(columns.live_bytes) > 0 ? 'live' : 'peak',
        nothing: 'The process has allocated nothing.',
    };
}

/**
 * The colours of a table's rows: those of the chart's layers.
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line'} layers
 * @param {'type' | 'line' | 'family'} by
 * @returns {Map<number, number>} the layer of a row
 */
export function layersOfRows(model, layers, by) {
    const order = new Map(shownLayers(model, layers).map((row, layer) => [row, layer]));
    if (by === layers) {
        return order;
    }
    const known = new Map();
    if (by === 'family' && layers === 'type' && model.process.isTyped) {
        typesOfFamilies(model).forEach((type, family) => {
            if (order.has(type)) {
                known.set(family, order.get(type));
            }
        });
    }
    return known;
}

/**
 * The rows that have a colour: the layers of the chart, or what the peak was made of.
 * @param {import('./model.js').Model} model
 * @param {'type' | 'line'} by
 * @returns {number[]} their indexes, the first colour first
 */
function shownLayers(model, by) {
    return model.series ? layersOf(model.series, by).rows.map((row) => row.index)
        : largestOf(sumBy(siteValues(model, 'peak', 'bytes'), model.sites[by], rowCount(model, by)));
}

/**
 * The rows of a table in their order, those that have all words of the filter.
 * @param {Table} table
 * @param {{column: string, isRising: boolean}} order
 * @param {string} filter
 * @returns {number[]}
 */
export function orderRows(table, order, filter) {
    const rows = filter.trim() === '' ? table.rows.slice()
        : table.rows.filter((i) => hasWords(table.name[i] + ' ' + table.note[i], filter.trim()));
    const by = table.columns.find((one) => one.id === order.column);
    const values = by && by.values;
    const sign = order.isRising ? 1 : -1;
    if (!values) {
        return rows.sort((a, b) => sign * compareTexts(table.name[a], table.name[b]) || a - b);
    }
    // Unknown figures (NaN) come last in both orders.
    return rows.sort((a, b) => Number(Number.isNaN(values[a])) - Number(Number.isNaN(values[b])) ||
        sign * (values[a] - values[b]) || a - b);
}

/**
 * @param {string} a
 * @param {string} b
 * @returns {number}
 */
function compareTexts(a, b) {
    return a < b ? -1 : Number(a > b);
}
