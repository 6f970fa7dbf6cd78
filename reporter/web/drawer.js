// SPDX-License-Identifier: MIT
/**
 * drawer: question 5, about the chosen row: its figures, its layout with holes to scale, who holds
 * its blocks, how full its pages are, its lines or types, and its call stacks.
 */
import {amountEl, blocksEl, bytesEl, changeEl, el, keepFocus, setChildren, svgEl} from './dom.js';
import {bytesText, clockText, exactText, placeText, shareText} from './text.js';
import {lineName, measureOf, siteValues, sitesOf, sumOf, typeName} from './sums.js';
import {changeIn, pointAt, shownSpan} from './spans.js';
import {gapText, seriesBy} from './tables.js';
import {stackOf} from './tree.js';
import {holesOf, layoutNote} from './layouts.js';
import {evidenceText} from './words.js';
import {makeHolders, whyParts} from './holders.js';
import {makePages} from './pages.js';

const STACKS_AT_ONCE = 10;
const ROWS_SHOWN = 12;
const CACHE_LINE = 64;

/**
 * @typedef {Object} Asks asks a live process
 * @property {(query: string) => Promise<any>} pages how full its pages are
 * @property {(row: any) => Promise<any>} holders who holds blocks
 */

/**
 * Makes the drawer; it is empty until a row is chosen.
 * @param {import('./state.js').Store} store
 * @param {HTMLElement} pair the tables and the flame graph, which stay in sight above it
 * @param {Asks | null} asks null: nobody can
 * @returns {HTMLElement}
 */
export function makeDrawer(store, pair, asks) {
    const asked = asks ? [makeHolders(store, asks.holders), makePages(asks.pages)] : [];
    const drawer = el('aside.drawer', {'aria-label': 'The chosen row', hidden: true});
    const stacks = {shown: STACKS_AT_ONCE};
    const draw = () => {
        const chosen = store.now.selection;
        drawer.hidden = chosen === null;
        document.body.classList.toggle('has-drawer', chosen !== null);
        if (chosen) {
            const at = drawer.scrollTop;
            // Parts about which the process was asked move into the new ones, so the focus is kept around both.
            keepFocus(drawer, () => setChildren(drawer, drawerParts(store, chosen, stacks, asked)));
            drawer.scrollTop = at;
        }
    };
    store.watch((changed) => {
        stacks.shown = changed.has('selection') ? STACKS_AT_ONCE : stacks.shown;
        if (['selection', 'measure', 'unit', 'model', 'span'].some((name) => changed.has(name))) {
            draw();
        }
        if (changed.has('selection') && store.now.selection) {
            drawer.scrollTop = 0;
            revealAbove(pair, drawer);
        }
    });
    return drawer;
}

/**
 * Scrolls the page so that the drawer covers nothing of what it belongs to, if that is possible.
 * @param {HTMLElement} pair
 * @param {HTMLElement} drawer
 */
function revealAbove(pair, drawer) {
    const box = pair.getBoundingClientRect();
    const room = drawer.getBoundingClientRect().top;
    if (box.bottom > room && box.height < window.innerHeight) {
        const isStill = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
        window.scrollBy({top: Math.min(box.top, box.bottom - room), behavior: isStill ? 'auto' : 'smooth'});
    }
}

/**
 * @param {import('./state.js').Store} store
 * @param {import('./sums.js').Selection} chosen
 * @param {{shown: number}} stacks how many stacks are shown at first
 * @param {import('./asked.js').Asked[]} asked make the parts about which the process is asked
 * @returns {import('./dom.js').Child[]}
 */
function drawerParts(store, chosen, stacks, asked) {
    const {model} = store.now;
    const isRunning = model.process.state === 'running';
    const close = el('button', {type: 'button', title: 'Esc', onclick: () => store.set({selection: null})}, ['Close']);
    const layout = chosen.by === 'type' ? model.layouts.find((one) => one.type === chosen.index) : undefined;
    return [
        el('div.toolbar', {}, [el('h2', {}, [nameOf(model, chosen)]), close]),
        el('div.drawer-body', {}, [
            el('div', {}, [
                ...aboutParts(model, chosen), ...figureParts(store, chosen),
                ...rowParts(store, chosen, chosen.by === 'line' ? 'type' : 'line'),
            ]),
            layout ? el('div', {}, layoutParts(layout)) : null,
            ...asked.map((part) => part(chosen, isRunning)),
            asked.length === 0 && model.kind !== 'diff' ? el('div', {}, [el('h3', {}, ['Who holds it']),
                el('p.dim', {}, whyParts(model, chosen))]) : null,
            el('div', {}, stackParts(store, chosen, stacks)),
        ]),
    ];
}

/**
 * @param {import('./model.js').Model} model
 * @param {import('./sums.js').Selection} chosen
 * @returns {string}
 */
function nameOf(model, chosen) {
    return chosen.by === 'type' ? typeName(model, chosen.index)
        : chosen.by === 'line' ? lineName(model, chosen.index, placeText)
            : model.families.name[chosen.index];
}

/**
 * What is known of the row itself.
 * @param {import('./model.js').Model} model
 * @param {import('./sums.js').Selection} chosen
 * @returns {import('./dom.js').Child[]}
 */
function aboutParts(model, chosen) {
    const i = chosen.index;
    if (chosen.by === 'line') {
        const {lines} = model;
        return [
            el('p', {}, [`${lines.file[i]}${lines.line[i] > 0 ? ':' + lines.line[i] : ''}`,
                el('span.dim', {}, [` in ${placeText(lines.module[i], 0) || 'an unknown module'}, #${lines.id[i]}`])]),
        ];
    }
    if (chosen.by === 'family') {
        return [el('p', {}, pageParts(model, i))];
    }
    const {types} = model;
    if (types.gap[i]) {
        return [el('p', {}, [`No type is known: ${gapText(model, i)}.`])];
    }
    const size = types.bytes[i] > 0 ? `${bytesText(types.bytes[i])} each` : 'of unknown size';
    const where = types.file[i] ? `, defined at ${placeText(types.file[i], types.line[i])}` : '';
    return [
        el('p', {title: types.file[i] || null}, [size + where + '.']),
        el('p.dim', {}, [evidenceText(types.confidence[i], types.evidence[i])]),
    ];
}

/**
 * How full the pages of a family are.
 * @param {import('./model.js').Model} model
 * @param {number} i
 * @returns {import('./dom.js').Child[]}
 */
function pageParts(model, i) {
    const {columns} = model.families;
    const committed = columns.committed_bytes[i];
    const live = columns.live_bytes[i];
    const bar = svgEl('svg.fill', {viewBox: '0 0 100 10', preserveAspectRatio: 'none', role: 'img',
        'aria-label': `${shareText(live, committed)} full`}, [
        svgEl('rect.fill-all', {width: 100, height: 10}),
        svgEl('rect.fill-live', {width: committed > 0 ? Math.min(100, 100 * live / committed) : 0, height: 10}),
    ]);
    return [
        columns.bytes[i] > 0 ? `Slots of ${bytesText(columns.bytes[i])}. ` : 'Blocks of any size. ',
        bytesEl(live), ' live in ', bytesEl(committed), ` of ${exactText(columns.pages[i])} pages`,
        committed > 0 ? `: ${shareText(live, committed)} full.` : '.', /** @type {any} */ (committed > 0 && bar),
    ];
}

/**
 * The figures of the row's sites, and those of a chosen span.
 * @param {import('./state.js').Store} store
 * @param {import('./sums.js').Selection} chosen
 * @returns {import('./dom.js').Child[]}
 */
function figureParts(store, chosen) {
    const {model} = store.now;
    const keys = model.sites[chosen.by];
    const sum = (/** @type {string} */ name) => sumOf(model.sites.columns[name].filter((_, i) => keys[i] === chosen.index));
    const pairs = [['At the peak', 'peak_bytes', 'peak_blocks'], ['Live', 'live_bytes', 'live_blocks'],
        ['Allocated ever', 'allocated_bytes', 'allocations'], ['Definitely lost', 'definite_bytes', 'definite_blocks'],
        ['Indirectly lost', 'indirect_bytes', 'indirect_blocks'], ['Possibly lost', 'possible_bytes', 'possible_blocks'],
        ['Still reachable', 'reachable_bytes', 'reachable_blocks']];
    const rows = pairs.map(([word, bytes, blocks]) => ({word, bytes: sum(bytes), blocks: sum(blocks)}))
        .filter((row) => row.bytes + row.blocks > 0)
        .map((row) => el('tr', {}, [el('th', {scope: 'row'}, [row.word]), el('td', {}, [bytesEl(row.bytes)]),
            el('td', {}, [blocksEl(row.blocks)])]));
    const temporaries = sum('temporaries');
    if (temporaries > 0) {
        rows.push(el('tr', {}, [el('th', {scope: 'row'}, ['Temporary']),
            el('td', {}, [shareText(temporaries, sum('allocations'))]), el('td', {}, [blocksEl(temporaries)])]));
    }
    rows.push(...spanRows(store, chosen));
    return [el('table.figures', {}, rows), el('p.dim', {}, [sizesText(model, keys, chosen.index)])];
}

/**
 * @param {import('./state.js').Store} store
 * @param {import('./sums.js').Selection} chosen
 * @returns {HTMLElement[]} live bytes at the end of the chosen span, and their change in it; none where they are not known
 */
function spanRows(store, chosen) {
    const {model: {series}, model, span} = store.now;
    const live = seriesBy(model, chosen.by).get(chosen.index);
    if (!series || !span || !live) {
        return [];
    }
    const shown = shownSpan(series, span);
    return [[`Live at ${clockText(shown.to)}`, bytesEl(live[pointAt(series.ms, shown.to)])],
        ['Change in the span', changeEl(changeIn(series, live, shown), 'bytes')]].map(([word, figure]) =>
        el('tr', {}, [el('th', {scope: 'row'}, [word]), el('td', {}, [figure])]));
}

/**
 * @param {import('./model.js').Model} model
 * @param {Int32Array} keys
 * @param {number} index
 * @returns {string} the smallest and the largest block of a row
 */
function sizesText(model, keys, index) {
    const {smallest_bytes: smallest, largest_bytes: largest} = model.sites.columns;
    let least = Infinity;
    let most = 0;
    for (let i = 0; i < keys.length; i++) {
        if (keys[i] === index && largest[i] > 0) {
            least = Math.min(least, smallest[i] || largest[i]);
            most = Math.max(most, largest[i]);
        }
    }
    if (most === 0) {
        return '';
    }
    return least === most ? `Every block has ${exactText(most)} bytes.`
        : `Blocks of ${exactText(least)} to ${exactText(most)} bytes.`;
}

/**
 * The lines that allocate a type, or the types that a line allocates.
 * @param {import('./state.js').Store} store
 * @param {import('./sums.js').Selection} chosen
 * @param {'type' | 'line'} by
 * @returns {import('./dom.js').Child[]}
 */
function rowParts(store, chosen, by) {
    const {model} = store.now;
    const {values, unit} = chosenValues(store);
    /** @type {Map<number, number>} */
    const sums = new Map();
    for (const site of sitesOf(model, chosen, values)) {
        const row = model.sites[by][site];
        sums.set(row, (sums.get(row) || 0) + values[site]);
    }
    const order = Array.from(sums.keys()).sort((a, b) => Number(sums.get(b)) - Number(sums.get(a)));
    if (order.length === 0) {
        return [];
    }
    const items = order.slice(0, ROWS_SHOWN).map((index) => el('tr', {}, [
        el('td', {}, [amountEl(Number(sums.get(index)), unit)]),
        el('td.wide', {}, [el('button.link', {
            type: 'button', onclick: () => store.set({selection: {by, index}, tab: by === 'type' ? 'types' : 'lines'}),
        }, [nameOf(model, {by, index})])])]));
    const rest = order.length - items.length;
    return [el('h3', {}, [by === 'type' ? 'Its types' : 'Its lines']), el('table.figures', {}, items),
        rest > 0 && el('p.dim', {}, [`and ${rest} more`])];
}

/**
 * The measure that is chosen; what has no live bytes any more is ordered by what it had.
 * @param {import('./state.js').Store} store
 * @returns {{values: Float64Array, unit: string, word: string}}
 */
function chosenValues(store) {
    const {model, measure, unit} = store.now;
    const word = measureOf(measure).word.toLowerCase();
    const values = siteValues(model, measure, unit);
    if (model.kind === 'diff') {
        const before = siteValues(model, measure, unit, true);
        return {values: values.map((value, i) => Math.max(value, before[i])), unit, word};
    }
    return {values, unit: measureOf(measure).bytes.length > 0 ? unit : 'blocks', word};
}

/**
 * The call stacks of a row, those with most first.
 * @param {import('./state.js').Store} store
 * @param {import('./sums.js').Selection} chosen
 * @param {{shown: number}} stacks how many are shown
 * @returns {import('./dom.js').Child[]}
 */
function stackParts(store, chosen, stacks) {
    const {model} = store.now;
    const {values, unit, word} = chosenValues(store);
    const sites = sitesOf(model, chosen, values);
    const list = el('ol.stacks');
    const more = el('button', {type: 'button', onclick: () => {
        stacks.shown += STACKS_AT_ONCE;
        show();
    }});
    const show = () => {
        const next = sites.slice(list.childElementCount, stacks.shown);
        list.append(...next.map((site) => stackItem(model, site, values[site], unit)));
        more.textContent = `${exactText(sites.length - list.childElementCount)} more`;
        more.hidden = list.childElementCount >= sites.length;
    };
    show();
    const head = `${exactText(sites.length)} call ${sites.length === 1 ? 'stack' : 'stacks'}, by ${unit} (${word})`;
    return [el('h3', {}, [sites.length > 0 ? head : `No call stack has anything of it (${word}).`]), list, more];
}

/**
 * @param {import('./model.js').Model} model
 * @param {number} site
 * @param {number} value
 * @param {string} unit
 * @returns {HTMLElement}
 */
function stackItem(model, site, value, unit) {
    const calls = stackOf(model, site);
    const line = lineName(model, model.sites.line[site], placeText);
    const items = calls.map((call, i) => el('div.call', {}, [el('span.dim', {}, [`#${i} `]), call.name, ' ',
        el('span.dim', {}, [call.place + (call.note ? ` [${call.note}]` : '')])]));
    return el('li', {}, [amountEl(value, unit), el('span.dim', {}, [` ${typeName(model, model.sites.type[site])}`]),
        ...(items.length > 0 ? items : [el('div.call', {}, [line])])]);
}

/**
 * A struct drawn to scale, with its holes, and its fields as a table.
 * @param {import('./model.js').Layout} layout
 * @returns {import('./dom.js').Child[]}
 */
function layoutParts(layout) {
    const parts = holesOf(layout);
    const whole = Math.max(1, layout.bytes);
    const picture = svgEl('svg.layout', {
        viewBox: '0 0 1000 34', preserveAspectRatio: 'none', role: 'img', 'aria-label': layoutNote(layout),
    }, parts.map((part, i) => svgEl(part.isHole ? 'rect.hole' : i % 2 ? 'rect.field.odd' : 'rect.field', {
        x: 1000 * part.offset / whole, width: Math.max(0.5, 1000 * part.bytes / whole), y: 0, height: 26,
    }, [svgEl('title', {}, [`${part.isHole ? 'hole' : part.name}: ${part.bytes} bytes at ${part.offset}`])])));
    for (let at = CACHE_LINE; at < layout.bytes && layout.bytes <= 64 * CACHE_LINE; at += CACHE_LINE) {
        picture.append(svgEl('rect.cache-line', {x: 1000 * at / whole - 1, y: 26, width: 2, height: 8}));
    }
    const rows = parts.map((part) => el(part.isHole ? 'tr.hole' : 'tr', {}, [
        el('td', {}, [String(part.offset)]), el('td', {}, [part.bits === null ? String(part.bytes) : `${part.bits} bits`]),
        el('td.wide', {}, [part.isHole ? 'hole' : part.name, ' ', el('span.dim', {}, [part.type])])]));
    return [
        el('h3', {}, ['Layout']), el('p', {}, [layoutNote(layout)]), /** @type {any} */ (picture),
        el('table.figures.fields', {}, [el('thead', {}, [el('tr', {}, ['At', 'Bytes', 'Field'].map(
            (word) => el('th', {scope: 'col'}, [word])))]), el('tbody', {}, rows)]),
    ];
}
