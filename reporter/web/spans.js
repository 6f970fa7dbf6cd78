// SPDX-License-Identifier: MIT
/**
 * spans: figures over time, for a span of it: which rows are drawn as layers, what changed, and
 * where an axis has its marks.
 */

/**
 * @typedef {{from: number, to: number}} Span milliseconds since the start of the process; Infinity: up to
 *     the last point, also when there are more of them later
 *
 * @typedef {Object} Layers from the bottom of the chart to its top
 * @property {import('./model.js').SeriesRow[]} rows the largest ones, the largest first
 * @property {Float64Array} rest what the rows leave of the live bytes
 */

const MOST_LAYERS = 8;
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [
    1, 2, 5, 10, 20, 50, 100, 200, 500,
    SECOND, 2 * SECOND, 5 * SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND,
    MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE,
    HOUR, 2 * HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY,
];

/**
 * Chooses the layers: the rows that were largest at any moment of the whole time, so that a row
 * keeps its colour in every span.
 * @param {import('./model.js').Series} series
 * @param {string} by type or line
 * @returns {Layers}
 */
export function layersOf(series, by) {
    const most = (/** @type {Float64Array} */ column) => column.reduce((a, b) => Math.max(a, b), 0);
    const rows = series.rows.filter((row) => row.by === by)
        .map((row) => ({row, most: most(row.live)}))
        .filter((one) => one.most > 0)
        .sort((a, b) => b.most - a.most)
        .slice(0, MOST_LAYERS)
        .map((one) => one.row);
    const rest = Float64Array.from(series.live);
    for (const row of rows) {
        row.live.forEach((bytes, i) => {
            rest[i] = Math.max(0, rest[i] - bytes);
        });
    }
    return {rows, rest};
}

/**
 * The largest of some sums.
 * @param {Float64Array} sums
 * @returns {number[]} their indexes, the largest first
 */
export function largestOf(sums) {
    return Array.from(sums.keys()).filter((i) => sums[i] > 0)
        .sort((a, b) => sums[b] - sums[a] || a - b)
        .slice(0, MOST_LAYERS);
}

/**
 * The whole time of a series.
 * @param {import('./model.js').Series} series
 * @returns {Span}
 */
export function wholeSpan(series) {
    return {from: series.ms[0], to: series.ms[series.ms.length - 1]};
}

/**
 * The span that is shown.
 * @param {import('./model.js').Series} series
 * @param {Span | null} span that the reader chose; null: none
 * @returns {Span} with an end
 */
export function shownSpan(series, span) {
    const whole = wholeSpan(series);
    return span ? {from: Math.min(span.from, whole.to), to: Math.min(span.to, whole.to)} : whole;
}

/**
 * The last point at or before a moment; the first point if there is none.
 * @param {Float64Array} ms
 * @param {number} moment
 * @returns {number} its index
 */
export function pointAt(ms, moment) {
    let low = 0;
    let high = ms.length - 1;
    while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (ms[middle] <= moment) {
            low = middle;
        } else {
            high = middle - 1;
        }
    }
    return low;
}

/**
 * The points of a span, with one on each side of it, so that what is drawn reaches its edges.
 * @param {Float64Array} ms
 * @param {Span} span
 * @returns {number[]} their indexes
 */
export function pointsIn(ms, span) {
    const first = pointAt(ms, span.from);
    const last = Math.min(ms.length - 1, pointAt(ms, span.to) + 1);
    return Array.from({length: last - first + 1}, (_, i) => first + i);
}

/**
 * What a row has more at the end of a span than at its start.
 * @param {import('./model.js').Series} series
 * @param {Float64Array} column
 * @param {Span} span
 * @returns {number}
 */
export function changeIn(series, column, span) {
    return column[pointAt(series.ms, span.to)] - column[pointAt(series.ms, span.from)];
}

/**
 * The rows that have grown most in a span.
 * @param {import('./model.js').Series} series
 * @param {string} by
 * @param {Span} span
 * @param {number} most how many
 * @returns {{row: import('./model.js').SeriesRow, change: number}[]}
 */
export function grownIn(series, by, span, most) {
    return series.rows.filter((row) => row.by === by)
        .map((row) => ({row, change: changeIn(series, row.live, span)}))
        .filter((one) => one.change > 0)
        .sort((a, b) => b.change - a.change)
        .slice(0, most);
}

/**
 * A row's figures in a span as a line of a few points: in each part of the time the last figure.
 * @param {import('./model.js').Series} series
 * @param {Float64Array} column
 * @param {Span} span
 * @param {number} count at least 2
 * @returns {number[]}
 */
export function trendIn(series, column, span, count) {
    return Array.from({length: count}, (_, i) => {
        const moment = span.from + (span.to - span.from) * i / (count - 1);
        return column[pointAt(series.ms, moment)];
    });
}

/**
 * The rows of a series by their index.
 * @param {import('./model.js').Series | null} series
 * @param {string} by
 * @returns {Map<number, Float64Array>}
 */
export function columnsBy(series, by) {
    const rows = series ? series.rows.filter((row) => row.by === by) : [];
    return new Map(rows.map((row) => [row.index, row.live]));
}

/**
 * The moments that a time axis marks.
 * @param {Span} span
 * @param {number} most how many fit
 * @returns {number[]}
 */
export function timeTicks(span, most) {
    const length = span.to - span.from;
    let step = STEPS.find((one) => length / one <= most) || STEPS[STEPS.length - 1];
    while (length / step > most) {
        step *= 2;
    }
    return multiplesIn(span.from, span.to, step);
}

/**
 * The amounts of bytes that an axis from 0 marks: multiples of a power of two.
 * @param {number} top
 * @param {number} most how many fit above 0
 * @returns {number[]}
 */
export function byteTicks(top, most) {
    let step = 1;
    while (top / step > most) {
        step *= 2;
    }
    return multiplesIn(0, top, step);
}

/**
 * @param {number} from
 * @param {number} to
 * @param {number} step
 * @returns {number[]}
 */
function multiplesIn(from, to, step) {
    const ticks = [];
    for (let i = Math.ceil(from / step); i * step <= to; i++) {
        ticks.push(i * step);
    }
    return ticks;
}
