// SPDX-License-Identifier: MIT
/**
 * list: the rows of a long table. Only those in sight are elements, so 10,000 rows cost as much as
 * forty. All rows have one height.
 */
import {el} from './dom.js';

const AHEAD = 8;    // rows drawn above and below those in sight

/** The rows of one table. */
export class RowList {
    /**
     * @param {HTMLElement} scroller the table scrolls in it
     * @param {HTMLElement} body the tbody
     * @param {number} rowPixels height of a row
     * @param {(index: number) => HTMLElement} makeRow makes the row of an index
     */
    constructor(scroller, body, rowPixels, makeRow) {
        this.scroller = scroller;
        this.body = body;
        this.rowPixels = rowPixels;
        this.makeRow = makeRow;
        this.count = 0;
        this.shown = '';
        scroller.addEventListener('scroll', () => this.draw(false));
        new ResizeObserver(() => this.draw(false)).observe(scroller);
    }

    /** @param {number} count of rows; all are made again */
    setCount(count) {
        this.count = count;
        this.draw(true);
    }

    /** @param {boolean} isNew false: rows that are drawn already are right */
    draw(isNew) {
        const {rowPixels, count} = this;
        const most = Math.max(0, count - 1);
        const first = Math.min(most, Math.max(0, Math.floor(this.scroller.scrollTop / rowPixels) - AHEAD));
        const seen = Math.ceil((this.scroller.clientHeight || 600) / rowPixels) + 2 * AHEAD;
        const end = Math.min(count, first + seen);
        const key = `${first} ${end}`;
        if (!isNew && key === this.shown) {
            return;
        }
        this.shown = key;
        const rows = [this.space(first)];
        for (let i = first; i < end; i++) {
            rows.push(this.makeRow(i));
        }
        rows.push(this.space(count - end));
        this.body.replaceChildren(...rows);
    }

    /**
     * @param {number} rows
     * @returns {HTMLElement} an empty row as high as these
     */
    space(rows) {
        const row = el('tr.space', {'aria-hidden': 'true'});
        row.style.height = `${rows * this.rowPixels}px`;
        row.hidden = rows === 0;
        return row;
    }

    /** @param {number} index scrolls so that this row is in sight */
    reveal(index) {
        const head = this.body.offsetTop;
        const top = index * this.rowPixels;
        const {scroller} = this;
        if (top < scroller.scrollTop) {
            scroller.scrollTop = top;
        } else if (top + this.rowPixels > scroller.scrollTop + scroller.clientHeight - head) {
            scroller.scrollTop = top + this.rowPixels - scroller.clientHeight + head;
        }
        this.draw(false);
    }
}

/**
 * Where a key moves a cursor in a list of rows.
 * @param {string} key
 * @param {number} at
 * @param {number} count
 * @param {number} page rows in sight
 * @returns {number} -1: the key moves nothing
 */
export function movedBy(key, at, count, page) {
    const to = {
        ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: count - 1,
    }[key];
    return to === undefined || count === 0 ? -1 : Math.min(count - 1, Math.max(0, to));
}
