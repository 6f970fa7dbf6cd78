// SPDX-License-Identifier: MIT
/**
 * drawing: the picture of memory over time: layers, the line of resident memory, the limit, marks
 * and axes. It draws into an empty <svg>; what the pointer does is chart.js's.
 */
import {svgEl} from './dom.js';
import {bytesText, clockText, durationText} from './text.js';
import {byteTicks, pointsIn, timeTicks} from './spans.js';
import {layerClass} from './colours.js';

const MARGIN = {top: 18, right: 12, bottom: 22, left: 68};
const TICK_PIXELS = 84;
const LIMIT_FACTOR = 2.5;
const MARK_WORDS = new Map([
    ['peak', 'peak'], ['fork', 'fork'], ['exit', 'exit'], ['exec', 'exec'], ['mark', 'mark'], ['leak_check', 'leak check'],
]);

/**
 * @typedef {Object} Picture
 * @property {number} width
 * @property {number} height
 * @property {any} x milliseconds to pixels
 * @property {any} y bytes to pixels
 * @property {number} left of the plot, and so on
 * @property {number} right
 * @property {number} top
 * @property {number} bottom
 * @property {boolean} isLimitShown else it is too far above
 */

/**
 * Draws a span of a series.
 * @param {SVGElement} svg its content is replaced
 * @param {{width: number, height: number}} size
 * @param {import('./model.js').Series} series
 * @param {import('./spans.js').Layers} layers
 * @param {import('./spans.js').Span} span
 * @param {number | null} limit bytes
 * @returns {Picture} how it was drawn
 */
export function drawSeries(svg, size, series, layers, span, limit) {
    const points = pointsIn(series.ms, span);
    const picture = makePicture(size, series, points, span, limit);
    svg.replaceChildren();
    svg.setAttribute('viewBox', `0 0 ${size.width} ${size.height}`);
    const clip = svgEl('clipPath', {id: 'plot'}, [svgEl('rect', {
        x: picture.left, y: picture.top - 4, width: Math.max(0, picture.right - picture.left),
        height: picture.bottom - picture.top + 4,
    })]);
    svg.append(svgEl('defs', {}, [clip]));
    drawTicks(svg, picture, span);
    const plot = svgEl('g', {'clip-path': 'url(#plot)'});
    svg.append(plot);
    drawLayers(plot, picture, series, layers, points);
    drawResident(plot, picture, series, points);
    drawLimit(svg, picture, limit);
    drawMarks(svg, picture, series, span);
    return picture;
}

/**
 * @param {{width: number, height: number}} size
 * @param {import('./model.js').Series} series
 * @param {number[]} points
 * @param {import('./spans.js').Span} span
 * @param {number | null} limit
 * @returns {Picture}
 */
function makePicture(size, series, points, span, limit) {
    let most = 1;
    for (const i of points) {
        most = Math.max(most, series.live[i], series.resident[i]);
    }
    const isLimitShown = limit !== null && limit <= LIMIT_FACTOR * most;
    const top = isLimitShown ? Math.max(most, Number(limit)) : most;
    const place = {
        left: MARGIN.left, right: size.width - MARGIN.right, top: MARGIN.top, bottom: size.height - MARGIN.bottom,
    };
    const end = span.to > span.from ? span.to : span.from + 1;
    return {
        ...size, ...place, isLimitShown,
        x: d3.scaleLinear().domain([span.from, end]).range([place.left, place.right]),
        y: d3.scaleLinear().domain([0, top * 1.04]).range([place.bottom, place.top]),
    };
}

/**
 * @param {SVGElement} svg
 * @param {Picture} picture
 * @param {import('./spans.js').Span} span
 */
function drawTicks(svg, picture, span) {
    const {x, y, left, right, bottom} = picture;
    const rows = Math.max(2, Math.floor((bottom - picture.top) / 40));
    for (const bytes of byteTicks(y.domain()[1], rows)) {
        svg.append(
            svgEl('line.rule', {x1: left, x2: right, y1: y(bytes), y2: y(bytes)}),
            svgEl('text.tick', {x: left - 8, y: y(bytes), dy: '0.32em', 'text-anchor': 'end'},
                [bytes === 0 ? '0' : bytesText(bytes)]));
    }
    for (const ms of timeTicks(span, Math.max(2, Math.floor((right - left) / TICK_PIXELS)))) {
        const anchor = x(ms) > right - 20 ? 'end' : x(ms) < left + 10 ? 'start' : 'middle';
        svg.append(
            svgEl('line.notch', {x1: x(ms), x2: x(ms), y1: bottom, y2: bottom + 4}),
            svgEl('text.tick', {x: x(ms), y: bottom + 17, 'text-anchor': anchor}, [clockText(ms)]));
    }
}

/**
 * @param {SVGElement} plot
 * @param {Picture} picture
 * @param {import('./model.js').Series} series
 * @param {import('./spans.js').Layers} layers
 * @param {number[]} points
 */
function drawLayers(plot, picture, series, layers, points) {
    const columns = layers.rows.map((row) => row.live).concat(layers.rest);
    const stacked = d3.stack().keys(d3.range(columns.length))
        .value((/** @type {number} */ i, /** @type {number} */ key) => columns[key][i])(points);
    const area = d3.area()
        .x((/** @type {any} */ d) => picture.x(series.ms[d.data]))
        .y0((/** @type {any} */ d) => picture.y(d[0]))
        .y1((/** @type {any} */ d) => picture.y(d[1]));
    stacked.forEach((/** @type {any} */ layer, /** @type {number} */ i) => {
        const name = layerClass(i < layers.rows.length ? i : -1);
        plot.append(svgEl(`path.layer.${name}`, {d: area(layer)}));
    });
}

/**
 * @param {SVGElement} plot
 * @param {Picture} picture
 * @param {import('./model.js').Series} series
 * @param {number[]} points
 */
function drawResident(plot, picture, series, points) {
    const line = d3.line()
        .defined((/** @type {number} */ i) => series.resident[i] > 0)
        .x((/** @type {number} */ i) => picture.x(series.ms[i]))
        .y((/** @type {number} */ i) => picture.y(series.resident[i]));
    const path = line(points);
    if (path) {
        plot.append(svgEl('path.resident', {d: path}));
    }
}

/**
 * @param {SVGElement} svg
 * @param {Picture} picture
 * @param {number | null} limit
 */
function drawLimit(svg, picture, limit) {
    if (limit === null || !picture.isLimitShown) {
        return;
    }
    const at = picture.y(limit);
    svg.append(
        svgEl('line.limit', {x1: picture.left, x2: picture.right, y1: at, y2: at}),
        svgEl('text.label', {x: picture.left + 4, y: at + 13}, [`limit ${bytesText(limit)}`]));
}

/**
 * @param {SVGElement} svg
 * @param {Picture} picture
 * @param {import('./model.js').Series} series
 * @param {import('./spans.js').Span} span
 */
function drawMarks(svg, picture, series, span) {
    let free = -Infinity;
    const marks = series.marks.filter((mark) => mark.ms >= span.from && mark.ms <= span.to);
    // The peak's label has its place before the others.
    marks.sort((a, b) => Number(b.kind === 'peak') - Number(a.kind === 'peak') || a.ms - b.ms);
    const peak = marks.length > 0 && marks[0].kind === 'peak' ? picture.x(marks[0].ms) : NaN;
    for (const mark of marks) {
        const at = picture.x(mark.ms);
        const word = MARK_WORDS.get(mark.kind) || mark.kind;
        const text = mark.text && mark.kind === 'mark' ? mark.text.slice(0, 24) : word;
        const isLeft = at > picture.right - 90;
        const line = svgEl(`line.mark.mark-${mark.kind}`, {x1: at, x2: at, y1: picture.top - 4, y2: picture.bottom});
        line.append(svgEl('title', {}, [`${word}${mark.text ? ' ' + mark.text : ''}, after ${durationText(mark.ms)}`]));
        svg.append(line);
        const hasRoom = mark.kind === 'peak' || (at > free && !(Math.abs(at - peak) < 90));
        if (hasRoom) {
            svg.append(svgEl('text.label', {
                x: isLeft ? at - 4 : at + 4, y: picture.top - 6, 'text-anchor': isLeft ? 'end' : 'start', 'data-ms': mark.ms,
            }, [text, svgEl('title', {}, ['a click shows the time since then'])]));
            free = mark.kind === 'peak' ? free : at + 8 + 7 * text.length;
        }
    }
}

/**
 * Draws a small line of figures, for the cell of a table.
 * @param {number[]} figures at least 2
 * @param {number} width
 * @param {number} height
 * @returns {SVGElement}
 */
export function trendEl(figures, width, height) {
    const most = Math.max(1, ...figures);
    const x = d3.scaleLinear().domain([0, figures.length - 1]).range([1, width - 1]);
    const y = d3.scaleLinear().domain([0, most]).range([height - 1, 1]);
    const place = (/** @type {number} */ _, /** @type {number} */ i) => x(i);
    const area = d3.area().x(place).y0(height).y1(y);
    const line = d3.line().x(place).y(y);
    return svgEl('svg.sparkline', {width, height, viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true'}, [
        svgEl('path.sparkline-area', {d: area(figures)}), svgEl('path.sparkline-line', {d: line(figures)}),
    ]);
}
