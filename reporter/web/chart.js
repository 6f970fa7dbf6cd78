// SPDX-License-Identifier: MIT
/**
 * chart: question 1, how much memory, and is it growing? The picture of drawing.js with a cursor,
 * a brush that chooses the span, and a legend that reads the figures at the cursor.
 */
import {bytesEl, choiceEl, el, setChildren, svgEl} from './dom.js';
import {bytesText, clockText, durationText, placeText} from './text.js';
import {largestOf, layersOf, pointAt, shownSpan, wholeSpan} from './spans.js';
import {lineName, siteValues, sumBy, sumOf, typeName} from './sums.js';
import {drawSeries} from './drawing.js';
import {layerClass} from './colours.js';

const KEY_SHARE = 0.01;    // of the span that an arrow key moves the cursor by

/**
 * Makes the part of the page that shows memory over time.
 * @param {import('./state.js').Store} store
 * @returns {HTMLElement}
 */
export function makeChart(store) {
    const svg = svgEl('svg.chart', {
        tabindex: 0, role: 'group',
        'aria-label': 'Memory over time. Arrow keys move the cursor, with Shift they choose a span, Escape shows it all.',
    });
    const legend = el('div.legend');
    const frame = el('div.chart-frame', {}, [svg]);
    const body = el('div.chart-body', {}, [frame, legend]);
    const tools = makeTools(store);
    const title = el('h2');
    const section = el('section.time', {'aria-label': 'Memory over time'}, [
        el('div.toolbar', {}, [title, ...tools.elements]), body,
    ]);
    const view = new ChartView(store, /** @type {any} */ (svg), frame, legend, tools.showTime);
    const draw = () => {
        const hasSeries = store.now.model.series !== null;
        section.classList.toggle('empty', !hasSeries);
        title.textContent = hasSeries ? 'Memory over time' : 'Memory at the peak';
        tools.show();
        if (hasSeries) {
            view.draw();
        } else {
            setChildren(legend, composition(store));
        }
    };
    store.watch((changed) => {
        if (['model', 'layers', 'span'].some((name) => changed.has(name))) {
            draw();
        }
    });
    new ResizeObserver(draw).observe(frame);
    draw();
    return section;
}

/**
 * @param {import('./state.js').Store} store
 * @returns {{elements: HTMLElement[], show: () => void, showTime: (text: string) => void}}
 */
function makeTools(store) {
    const time = el('output.dim.cursor-time', {'aria-live': 'polite'});
    const whole = el('button', {type: 'button', onclick: () => store.set({span: null})}, ['Show the whole time']);
    const by = choiceEl('Layers', [
        {id: 'type', word: 'Types', says: 'stacked by the eight largest types'},
        {id: 'line', word: 'Lines', says: 'stacked by the eight largest lines of the source'},
    ], (layers) => store.set({layers: layers === 'type' ? 'type' : 'line'}));
    return {
        elements: [by.element, whole, time],
        show() {
            const {series} = store.now.model;
            const rows = series ? series.rows : [];
            by.show(store.now.layers, ['type', 'line'].filter((id) => !rows.some((row) => row.by === id)));
            by.element.hidden = !series;
            whole.hidden = !store.now.span;
        },
        showTime(text) {
            time.textContent = text;
        },
    };
}

/** The drawn chart, its cursor and its legend. */
class ChartView {
    /**
     * @param {import('./state.js').Store} store
     * @param {SVGSVGElement} svg
     * @param {HTMLElement} frame
     * @param {HTMLElement} legend
     * @param {(text: string) => void} showTime
     */
    constructor(store, svg, frame, legend, showTime) {
        this.store = store;
        this.svg = svg;
        this.frame = frame;
        this.legend = legend;
        this.showTime = showTime;
        /** @type {number | null} */
        this.cursor = null;
        /** @type {number | null} */
        this.anchor = null;
        /** @type {HTMLElement[]} */
        this.figures = [];
        svg.addEventListener('pointermove', (event) => this.point(event.clientX));
        svg.addEventListener('pointerleave', () => this.moveCursor(null));
        svg.addEventListener('blur', () => this.moveCursor(null));
        svg.addEventListener('keydown', (event) => this.key(event));
    }

    /** @returns {import('./model.js').Series} */
    get series() {
        return /** @type {import('./model.js').Series} */ (this.store.now.model.series);
    }

    /** @returns {import('./spans.js').Span} */
    get span() {
        return shownSpan(this.series, this.store.now.span);
    }

    draw() {
        const size = {width: this.frame.clientWidth, height: this.frame.clientHeight};
        if (size.width < 80 || size.height < 60) {
            return;
        }
        const limit = this.store.now.model.process.limitBytes;
        this.layers = layersOf(this.series, this.store.now.layers);
        this.picture = drawSeries(this.svg, size, this.series, this.layers, this.span, limit);
        this.rule = svgEl('line.cursor', {y1: this.picture.top, y2: this.picture.bottom});
        this.svg.append(this.rule);
        this.addBrush();
        for (const label of this.svg.querySelectorAll('[data-ms]')) {
            const from = Number(label.getAttribute('data-ms'));
            label.addEventListener('click', () => this.chooseSpan(from, wholeSpan(this.series).to));
        }
        this.drawLegend();
        this.moveCursor(this.cursor);
    }

    addBrush() {
        const {left, right, top, bottom} = /** @type {import('./drawing.js').Picture} */ (this.picture);
        const brush = d3.brushX().extent([[left, top], [right, bottom]]).on('end', (/** @type {any} */ event) => {
            // Version 6 of d3 gives the event as an argument.
            const chosen = (d3.event || event).selection;
            if (chosen) {
                this.chooseSpan(this.msAt(chosen[0]), this.msAt(chosen[1]));
            }
        });
        const layer = svgEl('g.brush');
        this.svg.append(layer);
        d3.select(layer).call(brush);
        layer.addEventListener('dblclick', () => this.store.set({span: null}));
    }

    /**
     * @param {number} pixel
     * @returns {number}
     */
    msAt(pixel) {
        const picture = /** @type {import('./drawing.js').Picture} */ (this.picture);
        return Math.min(this.span.to, Math.max(this.span.from, picture.x.invert(pixel)));
    }

    /**
     * @param {number} a milliseconds
     * @param {number} b
     */
    chooseSpan(a, b) {
        const from = Math.round(Math.min(a, b));
        const to = Math.round(Math.max(a, b));
        const last = wholeSpan(this.series).to;
        // A span that reaches the end of a living process goes on with it.
        const isOpen = this.store.now.model.process.state === 'running' && to >= last - KEY_SHARE * (last - from);
        this.store.set({span: to > from ? {from, to: isOpen ? Infinity : to} : null});
    }

    /** @param {number} clientX */
    point(clientX) {
        const {left} = this.svg.getBoundingClientRect();
        if (this.picture) {
            this.moveCursor(this.msAt(clientX - left));
        }
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
        if (event.key === 'Escape' && this.store.now.span) {
            event.stopPropagation();
            this.store.set({span: null});
        } else if (event.key === 'Enter' && this.anchor !== null && this.cursor !== null) {
            this.chooseSpan(this.anchor, this.cursor);
            this.anchor = null;
        } else if (step) {
            event.preventDefault();
            const {from, to} = this.span;
            const now = this.cursor === null ? to : this.cursor;
            this.anchor = event.shiftKey ? (this.anchor === null ? now : this.anchor) : null;
            this.moveCursor(Math.min(to, Math.max(from, now + step * KEY_SHARE * (to - from))));
        }
    }

    /** @param {number | null} ms null: the pointer is elsewhere */
    moveCursor(ms) {
        if (!this.picture || !this.rule) {
            return;
        }
        this.cursor = ms;
        this.rule.toggleAttribute('hidden', ms === null);
        const shown = ms === null ? this.restMs() : ms;
        const at = pointAt(this.series.ms, shown);
        const x = this.picture.x(Math.max(this.span.from, this.series.ms[at]));
        this.rule.setAttribute('x1', x);
        this.rule.setAttribute('x2', x);
        this.read(at);
        const chosen = this.anchor === null || ms === null ? ''
            : `; from ${clockText(this.anchor)}, Enter chooses this span`;
        this.showTime(`after ${durationText(this.series.ms[at])}${chosen}`);
    }

    /** @returns {number} the moment that the legend reads when no cursor is shown */
    restMs() {
        const {live, ms} = this.series;
        if (this.store.now.model.process.state === 'running') {
            return this.span.to;
        }
        const peak = this.series.marks.find((mark) => mark.kind === 'peak');
        if (peak && peak.ms >= this.span.from && peak.ms <= this.span.to) {
            return peak.ms;
        }
        let best = pointAt(ms, this.span.from);
        for (let i = best; i < ms.length && ms[i] <= this.span.to; i++) {
            best = live[i] > live[best] ? i : best;
        }
        return ms[best];
    }

    drawLegend() {
        const {store, layers} = this;
        const {rows} = /** @type {import('./spans.js').Layers} */ (layers);
        const limit = store.now.model.process.limitBytes;
        this.figures = [];
        const items = [this.legendItem('resident-key', 'Resident', null), this.legendItem('total-key', 'All live', null),
            this.legendItem(layerClass(-1), 'Others', null)];
        rows.forEach((row, i) => items.splice(3, 0, this.legendItem(layerClass(i), rowName(store.now.model, row), row)));
        if (limit !== null) {
            const item = this.legendItem('limit-key', 'Limit', null);
            const shown = /** @type {HTMLElement} */ (this.figures.pop());
            setChildren(shown, [bytesEl(limit)]);
            items.unshift(item);
        }
        setChildren(this.legend, [el('ul', {'aria-label': 'Figures at the cursor'}, items)]);
    }

    /**
     * @param {string} key the class of its colour
     * @param {string} name
     * @param {import('./model.js').SeriesRow | null} row null: it opens nothing
     * @returns {HTMLElement}
     */
    legendItem(key, name, row) {
        const figure = el('span.number');
        this.figures.push(figure);
        const parts = [el(`i.key.${key}`), el('span.name', {title: name}, [name]), figure];
        if (!row) {
            return el('li', {}, [el('span.entry', {}, parts)]);
        }
        const selection = {by: /** @type {'type' | 'line'} */ (row.by), index: row.index};
        return el('li', {}, [el('button.entry', {
            type: 'button', onclick: () => this.store.set({selection, tab: row.by === 'type' ? 'types' : 'lines'}),
        }, parts)]);
    }

    /** @param {number} at a point of the series */
    read(at) {
        const {rows, rest} = /** @type {import('./spans.js').Layers} */ (this.layers);
        const resident = this.series.resident[at];
        const values = [resident, this.series.live[at], rest[at], ...rows.map((row) => row.live[at])];
        values.forEach((value, i) => {
            setChildren(this.figures[i], [i === 0 && resident === 0 ? '\u2013' : bytesEl(value)]);
        });
    }
}

/**
 * @param {import('./model.js').Model} model
 * @param {import('./model.js').SeriesRow} row
 * @returns {string}
 */
function rowName(model, row) {
    return row.by === 'type' ? typeName(model, row.index) : lineName(model, row.index, placeText);
}

/**
 * What is shown when nothing was sampled over time: the largest types at one moment, as one bar.
 * @param {import('./state.js').Store} store
 * @returns {HTMLElement[]}
 */
function composition(store) {
    const {model} = store.now;
    const by = store.now.layers === 'type' ? 'type' : 'line';
    const count = by === 'type' ? model.types.count : model.lines.count;
    const sums = sumBy(siteValues(model, 'peak', 'bytes'), model.sites[by], count);
    const whole = sumOf(sums);
    let from = 0;
    const parts = largestOf(sums).map((index, layer) => ({
        index, layer, bytes: sums[index], name: by === 'type' ? typeName(model, index) : lineName(model, index, placeText),
    }));
    const rest = whole - parts.reduce((sum, part) => sum + part.bytes, 0);
    const bar = svgEl('svg.composition', {viewBox: '0 0 1000 20', preserveAspectRatio: 'none', 'aria-hidden': 'true'},
        parts.map((part) => {
            const width = 1000 * part.bytes / whole;
            from += width;
            return svgEl(`rect.${layerClass(part.layer)}`, {x: from - width, y: 0, width, height: 20},
                [svgEl('title', {}, [`${part.name}: ${bytesText(part.bytes)}`])]);
        }));
    bar.append(svgEl(`rect.${layerClass(-1)}`, {x: from, y: 0, width: whole > 0 ? 1000 * rest / whole : 0, height: 20}));
    const items = parts.map((part) => el('li', {}, [el('button.entry', {
        type: 'button', onclick: () => store.set({selection: {by, index: part.index}}),
    }, [el(`i.key.${layerClass(part.layer)}`), el('span.name', {title: part.name}, [part.name]),
        el('span.number', {}, [bytesEl(part.bytes)])])]));
    if (rest > 0) {
        items.push(el('li', {}, [el('span.entry', {}, [el(`i.key.${layerClass(-1)}`), 'Others', bytesEl(rest)])]));
    }
    return [
        el('p.dim', {}, [model.kind === 'diff'
            ? 'A comparison has no figures over time; this is the peak of the later moment.'
            : 'Nothing was sampled over time.']),
        /** @type {any} */ (whole > 0 ? bar : el('p', {}, ['The process had no live blocks.'])),
        el('ul', {}, items),
    ];
}
