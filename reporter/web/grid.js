// SPDX-License-Identifier: MIT
/**
 * grid: question 2, what is it? The tables with their tabs, filter and order; a row that is chosen
 * opens the drawer.
 */
import {bytesEl, changeEl, choiceEl, countEl, el, setChildren} from './dom.js';
import {bytesText, exactText, shareText} from './text.js';
import {shownSpan, trendIn} from './spans.js';
import {layersOfRows, makeTable, orderRows, seriesBy, tabsOf} from './tables.js';
import {RowList, movedBy} from './list.js';
import {layerClass} from './colours.js';
import {trendEl} from './drawing.js';

const ROW_PIXELS = 26;
const TREND_PIXELS = {width: 84, height: 18};
const TREND_POINTS = 42;

/**
 * Makes the part of the page with the tables.
 * @param {import('./state.js').Store} store
 * @returns {{element: HTMLElement, filter: HTMLInputElement}}
 */
export function makeGrid(store) {
    const grid = new Grid(store);
    store.watch((changed) => {
        if (['model', 'measure', 'unit', 'tab', 'span', 'layers'].some((name) => changed.has(name))) {
            grid.remake(changed.has('tab') || changed.has('measure') || changed.has('unit'));
        }
        if (changed.has('selection') || changed.has('tab')) {
            grid.reveal();
        }
    });
    grid.remake(true);
    return {element: grid.element, filter: grid.filter};
}

/** A table, drawn. */
class Grid {
    /** @param {import('./state.js').Store} store */
    constructor(store) {
        this.store = store;
        /** @type {import('./tables.js').Table} */
        this.table = makeTable(store.now.model, store.now.tab, store.now);
        this.order = {column: '', isRising: false};
        this.active = 0;
        /** @type {number[]} */
        this.rows = [];
        this.tabs = choiceEl('Tables', tabsOf(store.now.model), (tab) => store.set({tab}), true);
        this.filter = /** @type {HTMLInputElement} */ (el('input', {
            type: 'search', placeholder: 'Filter', 'aria-label': 'Filter the rows', title: 'all of these words (/)',
            oninput: () => this.refresh(true),
        }));
        this.count = el('span.dim', {role: 'status'});
        this.head = el('thead');
        this.body = el('tbody');
        this.columnElements = el('colgroup');
        this.tableElement = el('table.grid', {
            role: 'grid', tabindex: 0, 'aria-label': 'Rows; Enter opens one',
            onkeydown: (/** @type {KeyboardEvent} */ event) => this.key(event),
        }, [this.columnElements, this.head, this.body]);
        this.nothing = el('p.nothing');
        this.scroller = el('div.scroller', {role: 'tabpanel', 'aria-label': 'The chosen table'},
            [this.tableElement, this.nothing]);
        this.element = el('section.tables', {'aria-label': 'Tables'}, [
            el('div.toolbar', {}, [this.tabs.element, this.filter, this.count]), this.scroller,
        ]);
        /** @type {Map<number, number>} the layer of a row in the chart */
        this.layerOf = new Map();
        /** @type {Map<number, Float64Array>} */
        this.trends = new Map();
        this.most = 0;
        this.whole = 0;
        this.list = new RowList(this.scroller, this.body, ROW_PIXELS, (i) => this.makeRow(i));
    }

    /** @param {boolean} isOther whether another table is shown, with an order of its own */
    remake(isOther) {
        const {now} = this.store;
        this.table = makeTable(now.model, now.tab, now);
        const known = this.table.columns.some((column) => column.id === this.order.column);
        if (isOther || !known) {
            this.order = {column: this.table.order, isRising: false};
        }
        this.tabs.show(now.tab);
        this.prepare();
        this.refresh(isOther);
    }

    /** Looks up what all rows need. */
    prepare() {
        const {model, layers, span} = this.store.now;
        const {table} = this;
        const bar = table.columns.find((column) => column.kind === 'bar');
        const values = bar && bar.values ? bar.values : new Float64Array(0);
        this.most = values.reduce((a, b) => Math.max(a, b), 0);
        this.whole = values.reduce((a, b) => a + b, 0);
        this.trends = seriesBy(model, table.by);
        this.span = model.series ? shownSpan(model.series, span) : {from: 0, to: 0};
        this.layerOf = layersOfRows(model, layers, table.by);
    }

    /** @param {boolean} isFromTop */
    refresh(isFromTop) {
        const {table} = this;
        this.rows = orderRows(table, this.order, this.filter.value);
        this.drawHead();
        const all = table.rows.length;
        this.count.textContent = this.rows.length === all ? `${exactText(all)} ${all === 1 ? 'row' : 'rows'}`
            : `${exactText(this.rows.length)} of ${exactText(all)} rows`;
        this.nothing.textContent = all === 0 ? table.nothing : 'No row has all of these words.';
        this.nothing.hidden = this.rows.length > 0;
        if (isFromTop) {
            this.scroller.scrollTop = 0;
            this.active = 0;
        }
        this.tableElement.setAttribute('aria-rowcount', String(this.rows.length));
        this.list.setCount(this.rows.length);
        this.markActive();
    }

    drawHead() {
        const {columns} = this.table;
        setChildren(this.columnElements, columns.map((column) => el(`col.${column.kind}.rank-${column.rank}`)));
        const cells = columns.map((column) => {
            const isOrder = column.id === this.order.column;
            const arrow = isOrder ? (this.order.isRising ? ' \u25b4' : ' \u25be') : '';
            const button = el('button', {
                type: 'button', title: column.says, disabled: column.kind === 'trend', onclick: () => this.sortBy(column),
            }, [column.word + arrow]);
            return el(`th.${column.kind}.rank-${column.rank}`, {
                scope: 'col', 'aria-sort': isOrder ? (this.order.isRising ? 'ascending' : 'descending') : null,
            }, [button]);
        });
        setChildren(this.head, [el('tr', {}, cells)]);
    }

    /** @param {import('./tables.js').Column} column */
    sortBy(column) {
        const isRising = this.order.column === column.id ? !this.order.isRising : column.kind === 'name';
        this.order = {column: column.id, isRising};
        this.refresh(true);
    }

    /**
     * @param {number} position in the shown order
     * @returns {HTMLElement}
     */
    makeRow(position) {
        const {table} = this;
        const row = this.rows[position];
        const chosen = this.store.now.selection;
        const isChosen = chosen !== null && chosen.by === table.by && chosen.index === row;
        return el(position === this.active ? 'tr.active' : 'tr', {
            id: `row-${position}`, 'aria-rowindex': position + 1, 'aria-selected': String(isChosen),
            onclick: () => this.choose(position),
        }, table.columns.map((column) => el(`td.${column.kind}.rank-${column.rank}`, {}, this.cell(column, row))));
    }

    /**
     * @param {import('./tables.js').Column} column
     * @param {number} row
     * @returns {import('./dom.js').Child[]}
     */
    cell(column, row) {
        const {table} = this;
        const value = column.values ? column.values[row] : 0;
        switch (column.kind) {
        case 'name':
            return [el('span.name', {title: `${table.name[row]} ${table.note[row]}`.trim()}, [table.name[row], ' ',
                el('span.dim', {}, [table.note[row]])])];
        case 'bar': return [this.bar(row, value)];
        case 'trend': return [this.trend(row)];
        case 'count': return [countEl(value)];
        case 'change': return [Number.isNaN(value) ? '\u2013' : changeEl(value, this.unitOf(column))];
        case 'percent': return [value > 0 ? shareText(value, 1) : '\u2013'];
        case 'size': return [value > 0
            ? el('data', {value, title: `${value.toFixed(1)} bytes`}, [bytesText(Math.round(value))]) : '\u2013'];
        default: return [Number.isNaN(value) ? '\u2013' : value > 0 ? bytesEl(value) : '0'];
        }
    }

    /**
     * @param {import('./tables.js').Column} column
     * @returns {string} changes over time are always of bytes
     */
    unitOf(column) {
        return this.store.now.model.kind === 'diff' && column.id === 'change' ? this.store.now.unit : 'bytes';
    }

    /**
     * @param {number} row
     * @param {number} value
     * @returns {HTMLElement}
     */
    bar(row, value) {
        const layer = this.layerOf.get(row);
        const fill = el(`i.${layerClass(layer === undefined ? -1 : layer)}`);
        fill.style.width = `${100 * value / Math.max(1, this.most)}%`;
        const share = shareText(value, this.whole);
        return el('span.share', {title: share}, [el('span.track', {}, [fill]), el('span.percent', {}, [share])]);
    }

    /**
     * @param {number} row
     * @returns {Node | null}
     */
    trend(row) {
        const {series} = this.store.now.model;
        const live = this.trends.get(row);
        return live && series ? trendEl(trendIn(series, live, /** @type {any} */ (this.span), TREND_POINTS),
            TREND_PIXELS.width, TREND_PIXELS.height) : null;
    }

    /** @param {number} position */
    choose(position) {
        const {table} = this;
        this.active = position;
        const chosen = this.store.now.selection;
        const isSame = chosen && chosen.by === table.by && chosen.index === this.rows[position];
        this.store.set({selection: isSame ? null : {by: table.by, index: this.rows[position]}});
    }

    /** Brings the chosen row in sight; one that the filter hides is shown again. */
    reveal() {
        const chosen = this.store.now.selection;
        const {table} = this;
        if (chosen && chosen.by === table.by) {
            if (!this.rows.includes(chosen.index) && table.rows.includes(chosen.index)) {
                this.filter.value = '';
                this.refresh(true);
            }
            this.active = Math.max(0, this.rows.indexOf(chosen.index));
            this.list.reveal(this.active);
        }
        this.list.draw(true);
        this.markActive();
    }

    /** @param {KeyboardEvent} event */
    key(event) {
        if (event.target !== this.tableElement) {
            return;
        }
        const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_PIXELS) - 2);
        const to = movedBy(event.key, this.active, this.rows.length, page);
        if (to >= 0) {
            event.preventDefault();
            this.active = to;
            this.list.reveal(to);
            this.list.draw(true);
            this.markActive();
        } else if ((event.key === 'Enter' || event.key === ' ') && this.rows.length > 0) {
            event.preventDefault();
            this.choose(this.active);
        }
    }

    markActive() {
        this.tableElement.setAttribute('aria-activedescendant', `row-${this.active}`);
    }
}
