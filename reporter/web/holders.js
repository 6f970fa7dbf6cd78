// SPDX-License-Identifier: MIT
/**
 * holders: who holds the blocks of the chosen row: chains of pointers from a variable, a stack or a
 * register to the blocks, one for all that are held in the same way. A live page asks the process.
 */
import {BadDocument, arrayIn, figureIn, knownIn, objectIn, reject, textIn, wholeIn} from './check.js';
import {makeAsked} from './asked.js';
import {blocksEl, bytesEl, el} from './dom.js';
import {blocksText, exactText, placeText, shareText} from './text.js';
import {lineName, rowCount, siteValues, sitesOf, sumOf, typeName} from './sums.js';

/**
 * @typedef {{first: number, last: number, step: number}} Range
 *
 * @typedef {Object} Link blocks of one line, and the pointers to them
 * @property {number} type -1: unknown
 * @property {number} line -1: unknown
 * @property {number} least bytes of a block
 * @property {number} most
 * @property {boolean} isInside a pointer leads to the inside of a block
 * @property {Range | null} from where the pointers lie in the blocks before; null: in a root
 * @property {Range | null} loop where the pointers lie that lead back to this line
 *
 * @typedef {Object} Way a way in which blocks are held
 * @property {number} blocks
 * @property {number} bytes
 * @property {string} root
 * @property {number} leftOut links in the middle
 * @property {Link[]} links
 *
 * @typedef {Object} Holders
 * @property {number} blocks that are held
 * @property {number} bytes
 * @property {number} ways how many there are
 * @property {number | null} retained bytes; null: unknown
 * @property {Way[]} list those with most bytes
 */

/**
 * Checks the document lmm-holders (docs/http-api.md).
 * @param {any} document what JSON.parse() returned
 * @returns {Holders}
 * @throws {BadDocument}
 */
export function readHolders(document) {
    const root = objectIn(document, 'the document');
    if (root.schema !== 'lmm-holders' || root.schema_version !== 1) {
        throw new BadDocument('the server answers with another document');
    }
    return {
        blocks: figureIn(root.held_blocks, 'held_blocks'), bytes: figureIn(root.held_bytes, 'held_bytes'),
        ways: figureIn(root.ways, 'ways'), retained: knownIn(root.retained_bytes, 'retained_bytes'),
        list: arrayIn(root.groups, 'groups').map((group, i) => readWay(objectIn(group, `groups[${i}]`), `groups[${i}]`)),
    };
}

/**
 * @param {any} part
 * @param {string} where
 * @returns {Way}
 */
function readWay(part, where) {
    const links = arrayIn(part.links, `${where}.links`);
    if (links.length === 0) {
        reject(`${where}.links`, 'is empty');
    }
    return {
        blocks: figureIn(part.blocks, `${where}.blocks`), bytes: figureIn(part.bytes, `${where}.bytes`),
        root: textIn(part.root, `${where}.root`), leftOut: figureIn(part.links_left_out, `${where}.links_left_out`),
        links: links.map((link, i) => readLink(objectIn(link, `${where}.links`), `${where}.links[${i}]`)),
    };
}

/**
 * @param {any} part
 * @param {string} where
 * @returns {Link}
 */
function readLink(part, where) {
    return {
        type: wholeIn(part.type, `${where}.type`, -1, Infinity), line: wholeIn(part.line, `${where}.line`, -1, Infinity),
        least: figureIn(part.least_bytes, `${where}.least_bytes`), most: figureIn(part.most_bytes, `${where}.most_bytes`),
        isInside: part.is_inside === true,
        from: readRange(part.from, `${where}.from`), loop: readRange(part.loop, `${where}.loop`),
    };
}

/**
 * @param {any} part
 * @param {string} where
 * @returns {Range | null}
 */
function readRange(part, where) {
    if (part === null) {
        return null;
    }
    const numbers = arrayIn(part, where);
    if (numbers.length !== 3) {
        reject(where, 'has not three numbers');
    }
    const [first, last, step] = numbers.map((number) => figureIn(number, where));
    return {first, last, step};
}

/**
 * Where pointers lie in blocks: .next, .table +8*i, +16.
 * @param {Range} range
 * @param {import('./model.js').Layout | undefined} layout of the blocks
 * @returns {string}
 */
export function offsetText(range, layout) {
    const step = range.last === range.first ? '' : ` +${range.step}\u00d7i`;
    const field = layout && layout.fields.find((one) => one.bits === null && one.name !== '' &&
        range.first >= one.offset && range.last < one.offset + one.bytes);
    if (!field) {
        return `+${range.first}${step}`;
    }
    const into = range.first - field.offset;
    return `.${field.name}${into > 0 ? ` +${into}` : ''}${step}`;
}

/**
 * What is held of a row's live blocks, in a sentence.
 * @param {Holders} holders
 * @param {number} live blocks of the row, by the last figures
 * @returns {string}
 */
export function heldText(holders, live) {
    if (holders.blocks === 0) {
        return live === 0 ? 'It has no live blocks.'
            : 'No pointer that LMM follows leads to any of these blocks: they are lost.';
    }
    const ways = holders.ways === 1 ? 'in one way' : `in ${exactText(holders.ways)} ways`;
    const verb = holders.blocks === 1 ? 'is' : 'are';
    const rest = live - holders.blocks;
    const others = rest > 0 ? ` Nothing leads to ${exactText(rest)} more: lost, or freed meanwhile.` : '';
    return `${blocksText(holders.blocks)} ${verb} held, ${ways}.${others}`;
}

/**
 * The command that says who holds the blocks of a row.
 * @param {import('./model.js').Model} model
 * @param {import('./sums.js').Selection} chosen
 * @returns {{says: string, command: string} | null} null: there are no blocks
 */
export function whyText(model, chosen) {
    const {process, lines} = model;
    const line = chosen.by === 'line' ? chosen.index : largestLine(model, chosen);
    if (line < 0) {
        return null;
    }
    if (process.state === 'running') {
        const of = chosen.by === 'line' ? 'the blocks' : 'those of its largest line';
        return {says: `Who holds ${of} is said by `, command: `lmm leaks ${process.pid} --why=#${lines.id[line]}`};
    }
    // The numbers of lines are those of one process; a later one has others.
    const place = lines.line[line] > 0 ? placeText(lines.file[line], lines.line[line]) : lines.functionName[line];
    return {
        says: 'The process has ended, so it cannot be asked. While it runs, lmm serve shows it, and ',
        command: `lmm leaks ${process.program || 'PID'} --why=${place || 'FILE:LINE'}`,
    };
}

/**
 * @param {import('./model.js').Model} model
 * @param {import('./sums.js').Selection} chosen
 * @returns {number} the line of the stack of a row with most live bytes; -1: none
 */
function largestLine(model, chosen) {
    const {sites} = model;
    const [first] = sitesOf(model, chosen, siteValues(model, 'live', 'bytes'))
        .concat(sitesOf(model, chosen, siteValues(model, 'peak', 'bytes')));
    return first === undefined ? -1 : sites.line[first];
}

/**
 * The same as elements.
 * @param {import('./model.js').Model} model
 * @param {import('./sums.js').Selection} chosen
 * @returns {import('./dom.js').Child[]}
 */
export function whyParts(model, chosen) {
    const why = whyText(model, chosen);
    return why ? [why.says, el('code', {}, [why.command]), '.'] : [];
}

/**
 * Makes the part of the drawer with the buttons that ask who holds the row's blocks.
 * @param {import('./state.js').Store} store
 * @param {(row: any) => Promise<any>} ask asks the process
 * @returns {import('./asked.js').Asked}
 */
export function makeHolders(store, ask) {
    const question = (/** @type {boolean} */ retained) => (/** @type {import('./sums.js').Selection} */ row) =>
        ask({[row.by]: row.index, ...(retained ? {retained} : {})});
    const show = (/** @type {any} */ answer, /** @type {import('./sums.js').Selection} */ row) =>
        holderParts(store, readHolders(answer), row, false);
    const showAll = (/** @type {any} */ answer, /** @type {import('./sums.js').Selection} */ row) =>
        holderParts(store, readHolders(answer), row, true);
    return makeAsked('Who holds it', [{
        word: 'Show who holds it', says: 'asks the process, which stands still for some milliseconds',
        ask: question(false), show,
    }, {
        word: 'And what it retains',
        says: 'also the bytes that would be lost without these blocks; takes more time and memory',
        ask: question(true), show: showAll,
    }], (row) => ['The shortest chain of pointers counts for each block. ', ...whyParts(store.now.model, row)]);
}

/**
 * @param {import('./state.js').Store} store
 * @param {Holders} holders
 * @param {import('./sums.js').Selection} row
 * @param {boolean} wasRetained whether what it retains was asked for
 * @returns {import('./dom.js').Child[]}
 */
function holderParts(store, holders, row, wasRetained) {
    const {model} = store.now;
    const live = sumOf(model.sites.columns.live_blocks.filter((_, i) => model.sites[row.by][i] === row.index));
    const parts = [el('p', {}, [heldText(holders, live)])];
    if (wasRetained) {
        parts.push(el('p', {}, holders.retained === null
            ? ['What they retain is not known: the process tells only the largest amounts.']
            : ['They retain ', bytesEl(holders.retained), ': each block with what only it leads to.']));
    }
    const shown = holders.list.reduce((sum, way) => ({blocks: sum.blocks + way.blocks, bytes: sum.bytes + way.bytes}),
        {blocks: 0, bytes: 0});
    parts.push(el('ol.ways', {}, holders.list.map((way) => wayEl(store, way, holders))));
    if (holders.blocks > shown.blocks) {
        parts.push(el('p.dim', {}, ['In other ways: ', blocksEl(holders.blocks - shown.blocks), ', ',
            bytesEl(Math.max(0, holders.bytes - shown.bytes))]));
    }
    return parts;
}

/**
 * @param {import('./state.js').Store} store
 * @param {Way} way
 * @param {Holders} holders
 * @returns {HTMLElement}
 */
function wayEl(store, way, holders) {
    const head = el('div', {}, [blocksEl(way.blocks), ', ', bytesEl(way.bytes),
        el('span.dim', {}, [`, ${shareText(way.bytes, holders.bytes)}`])]);
    const items = [el('li', {}, [el('b', {}, [way.root || 'an unknown root'])])];
    const cut = way.leftOut > 0 ? Math.floor(way.links.length / 2) : -1;
    way.links.forEach((link, i) => {
        if (i === cut) {
            items.push(el('li.dim', {}, [`\u2026 ${exactText(way.leftOut)} more`]));
        }
        items.push(el('li', {}, linkParts(store, link, i > 0 && i !== cut ? way.links[i - 1].type : -1)));
    });
    items.forEach((item, i) => {
        item.style.marginLeft = `${Math.min(i, 8) * 14}px`;
    });
    return el('li', {}, [head, el('ul.chain', {}, items)]);
}

/**
 * @param {import('./state.js').Store} store
 * @param {Link} link
 * @param {number} holder the type of the blocks that the pointers lie in; -1: unknown
 * @returns {import('./dom.js').Child[]}
 */
function linkParts(store, link, holder) {
    const {model} = store.now;
    const layoutOf = (/** @type {number} */ type) => model.layouts.find((one) => one.type === type);
    const isKnown = link.line >= 0 && link.line < rowCount(model, 'line');
    const type = link.type >= 0 && link.type < rowCount(model, 'type') && !model.types.gap[link.type]
        ? ` of ${typeName(model, link.type)}` : '';
    const size = link.least === link.most ? exactText(link.most) : `${exactText(link.least)} to ${exactText(link.most)}`;
    return [
        link.from && el('code', {}, [offsetText(link.from, layoutOf(holder))]), link.from ? ' ' : null,
        `\u2192 ${link.isInside ? 'the inside of ' : ''}${size} ${link.most === 1 ? 'byte' : 'bytes'}${type}, `,
        isKnown ? el('button.link', {
            type: 'button', onclick: () => store.set({selection: {by: 'line', index: link.line}, tab: 'lines'}),
        }, [lineName(model, link.line, placeText)]) : 'a line that is not in the page yet',
        link.loop && ', and on by ', link.loop && el('code', {}, [offsetText(link.loop, layoutOf(link.type))]),
    ];
}
