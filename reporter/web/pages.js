// SPDX-License-Identifier: MIT
/**
 * pages: how full each page of the chosen row is, as a picture: a cell for each page, in the order of
 * addresses, the fuller the stronger its colour. A live page asks the process for it.
 */
import {BadDocument, arrayIn, figureIn, figuresIn, objectIn, reject} from './check.js';
import {makeAsked} from './asked.js';
import {el, svgEl} from './dom.js';
import {exactText} from './text.js';

const FILL_STEPS = 5;
const CELL_PIXELS = 12;
const CELL_COLUMNS = 64;

/**
 * @typedef {Object} Pages
 * @property {number} perCell how many pages a cell stands for, at most
 * @property {number} count of pages
 * @property {number} leftOut of these, the ones without a cell
 * @property {Float64Array} pages by cell, as the two below
 * @property {Float64Array} slots
 * @property {Float64Array} live
 */

/**
 * Reads the document lmm-pages, which nobody has checked.
 * @param {any} document
 * @returns {Pages}
 */
export function readPages(document) {
    const top = objectIn(document, 'the document');
    if (top.schema !== 'lmm-pages' || top.schema_version !== 1) {
        throw new BadDocument('the server answers with another document');
    }
    const cells = objectIn(top.cells, 'cells');
    const {length} = arrayIn(cells.slots, 'cells.slots');
    const read = (/** @type {string} */ name) => figuresIn(cells[name], `cells.${name}`, length);
    const slots = read('slots');
    const live = read('live_slots');
    if (live.some((value, i) => value > slots[i])) {
        reject('cells', 'have more live slots than slots');
    }
    return {
        perCell: figureIn(top.pages_per_cell, 'pages_per_cell'), count: figureIn(top.pages, 'pages'),
        leftOut: figureIn(top.pages_left_out, 'pages_left_out'), pages: read('pages'), slots, live,
    };
}

/**
 * How strong the colour of a cell is.
 * @param {number} live
 * @param {number} slots
 * @returns {number} 0: empty, to 5: more than four fifths are full
 */
export function fillStep(live, slots) {
    return slots > 0 ? Math.ceil(FILL_STEPS * live / slots) : 0;
}

/**
 * How full all pages are, in words.
 * @param {Pages} pages
 * @returns {string}
 */
export function pagesText(pages) {
    const sum = (/** @type {Float64Array} */ column) => column.reduce((all, one) => all + one, 0);
    const slots = sum(pages.slots);
    const count = `${exactText(pages.count)} ${pages.count === 1 ? 'page' : 'pages'}`;
    const full = slots > 0 ? `, ${Math.round(100 * sum(pages.live) / slots)} % full` : '';
    const cell = pages.perCell > 1 ? ` A cell is up to ${exactText(pages.perCell)} pages.` : '';
    const rest = pages.leftOut > 0 ? ` ${exactText(pages.leftOut)} pages have no cell.` : '';
    return `${count}${full}.${cell}${rest}`;
}

/**
 * What each cell says: page 812: 37 of 120 slots.
 * @param {Pages} pages
 * @returns {string[]}
 */
export function cellTexts(pages) {
    let next = 1;
    return Array.from(pages.slots, (slots, i) => {
        const first = next;
        next += pages.pages[i];
        const name = pages.pages[i] > 1 ? `pages ${exactText(first)} to ${exactText(next - 1)}` : `page ${exactText(first)}`;
        return `${name}: ${exactText(pages.live[i])} of ${exactText(slots)} slots`;
    });
}

/**
 * The cell that a key leads to; those of a row stand beside each other.
 * @param {string} key
 * @param {number} at
 * @param {number} count of cells
 * @returns {number} -1: the key leads to none
 */
export function cellAt(key, at, count) {
    const to = {
        ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + CELL_COLUMNS, ArrowUp: at - CELL_COLUMNS,
        Home: 0, End: count - 1,
    }[key];
    return to === undefined ? -1 : to < 0 || to >= count ? at : to;
}

/**
 * @param {number} step
 * @param {number} i the place of the cell
 * @param {Record<string, any>} [properties]
 * @param {string} [says] on hover
 * @returns {SVGElement}
 */
function cellEl(step, i, properties, says) {
    return svgEl(`rect.cell.cell-${step}`, {
        x: 1 + CELL_PIXELS * (i % CELL_COLUMNS), width: CELL_PIXELS - 2,
        y: 1 + CELL_PIXELS * Math.floor(i / CELL_COLUMNS), height: CELL_PIXELS - 2, ...properties,
    }, says ? [svgEl('title', {}, [says])] : []);
}

/** @returns {HTMLElement} */
function legend() {
    const steps = Array.from({length: FILL_STEPS + 1}, (_, step) => cellEl(step, step));
    return el('p.dim.cell-legend', {}, ['empty ', /** @type {any} */ (svgEl('svg', {
        width: CELL_PIXELS * (FILL_STEPS + 1), height: CELL_PIXELS, 'aria-hidden': 'true'}, steps)), ' full']);
}

/**
 * The picture: one stop of the Tab key, in which the arrow keys move from cell to cell. The line below
 * has what the current one says; a screen reader is told of it as the active option.
 * @param {Pages} pages
 * @returns {import('./dom.js').Child[]}
 */
function picture(pages) {
    const says = cellTexts(pages);
    if (says.length === 0) {
        return [el('p', {}, ['No page has live blocks of it.'])];
    }
    const rows = Math.ceil(says.length / CELL_COLUMNS);
    const size = {width: CELL_PIXELS * Math.min(says.length, CELL_COLUMNS), height: CELL_PIXELS * rows};
    const cells = says.map((text, i) => cellEl(fillStep(pages.live[i], pages.slots[i]), i, {
        id: `cell-${i}`, role: 'option', 'aria-label': text, 'aria-selected': 'false'}, text));
    const svg = svgEl('svg.cells', {
        ...size, viewBox: `0 0 ${size.width} ${size.height}`, tabindex: 0, role: 'listbox',
        'aria-label': `${pagesText(pages)} Arrow keys move from page to page.`,
    }, cells);
    const line = el('p.cell-line', {'aria-hidden': 'true'}, ['\u00a0']);
    let at = 0;
    const mark = (/** @type {number} */ to) => {
        cells[at].setAttribute('aria-selected', 'false');
        at = to;
        cells[at].setAttribute('aria-selected', 'true');
        svg.setAttribute('aria-activedescendant', `cell-${at}`);
        line.textContent = says[at][0].toUpperCase() + says[at].slice(1);
    };
    svg.addEventListener('focus', () => mark(at));
    svg.addEventListener('click', (event) => {
        const i = cells.indexOf(/** @type {SVGElement} */ (event.target));
        if (i >= 0) {
            mark(i);
        }
    });
    svg.addEventListener('keydown', (/** @type {any} */ event) => {
        const to = cellAt(event.key, at, cells.length);
        if (to >= 0) {
            event.preventDefault();
            mark(to);
        }
    });
    return [el('p', {}, [pagesText(pages)]), /** @type {any} */ (svg), line, legend()];
}

/**
 * Makes the part of the drawer with the button that asks for the pages.
 * @param {(query: string) => Promise<any>} ask asks the process
 * @returns {import('./asked.js').Asked}
 */
export function makePages(ask) {
    return makeAsked('Pages', [{
        word: 'Show how full they are', says: 'asks the process how full each page is; it is not stopped',
        ask: (row) => ask(`${row.by}=${row.index}`), show: (answer) => picture(readPages(answer)),
    }], (row) => row.by === 'family' ? [] : ['All blocks of these pages are counted, not only those of this row.']);
}
