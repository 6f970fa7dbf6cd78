// SPDX-License-Identifier: MIT
/**
 * sentences: question 3, what should I do? Suspects, hints, and what the page could show better.
 */
import {bytesEl, el, setChildren} from './dom.js';
import {growthText, spanText} from './words.js';
import {placeText} from './text.js';
import {lineName, typeName} from './sums.js';
import {grownIn, shownSpan} from './spans.js';

const SHOWN = 3;

/**
 * Makes the strip of sentences.
 * @param {import('./state.js').Store} store
 * @returns {HTMLElement}
 */
export function makeSentences(store) {
    /** @type {Set<string>} the lists of which all is shown */
    const opened = new Set();
    const section = el('section.sentences', {'aria-label': 'What to do'});
    const draw = () => {
        const {suspects, hints, notes} = store.now.model;
        const lists = [
            listOf(opened, 'Grown in this span', grownParts(store)),
            listOf(opened, 'Suspects', suspects.map((suspect) => suspectParts(store, suspect))),
            listOf(opened, 'Hints', hints.map((hint) => hintParts(store, hint))),
            listOf(opened, 'To see more', notes.map((note) => [note])),
        ].filter(Boolean);
        setChildren(section, lists);
        section.hidden = lists.length === 0;
    };
    store.watch((changed) => {
        if (['model', 'span', 'layers'].some((name) => changed.has(name))) {
            draw();
        }
    });
    draw();
    return section;
}

/**
 * @param {Set<string>} opened
 * @param {string} word
 * @param {import('./dom.js').Child[][]} sentences
 * @returns {HTMLElement | null}
 */
function listOf(opened, word, sentences) {
    if (sentences.length === 0) {
        return null;
    }
    // A button takes as much room as one more sentence.
    const shown = opened.has(word) || sentences.length === SHOWN + 1 ? sentences.length : SHOWN;
    const items = sentences.map((parts, i) => el('li', {hidden: i >= shown}, parts));
    const more = el('button', {
        type: 'button', onclick: () => {
            opened.add(word);
            items.forEach((item) => {
                item.hidden = false;
            });
            more.remove();
        },
    }, [`All ${sentences.length}`]);
    return el('div.sentence-list', {}, [
        el('h2', {}, [word]), el('ul', {}, items), sentences.length > shown && more,
    ]);
}

/**
 * The name of a row, which chooses it.
 * @param {import('./state.js').Store} store
 * @param {number} type -1: none
 * @param {number} line
 * @returns {HTMLElement | null}
 */
function rowLink(store, type, line) {
    if (type < 0 && line < 0) {
        return null;
    }
    const {model} = store.now;
    const by = /** @type {'type' | 'line'} */ (type >= 0 ? 'type' : 'line');
    const name = by === 'type' ? typeName(model, type) : lineName(model, line, placeText);
    const selection = {by, index: by === 'type' ? type : line};
    return el('button.link', {
        type: 'button', onclick: () => store.set({selection, tab: by === 'type' ? 'types' : 'lines'}),
    }, [name]);
}

/**
 * What grew most in the span that was chosen.
 * @param {import('./state.js').Store} store
 * @returns {import('./dom.js').Child[][]}
 */
function grownParts(store) {
    const {model, span, layers} = store.now;
    if (!model.series || !span) {
        return [];
    }
    const shown = shownSpan(model.series, span);
    const grown = grownIn(model.series, layers, shown, SHOWN);
    if (grown.length === 0) {
        return [['Nothing grew.']];
    }
    return grown.map(({row, change}) => [
        rowLink(store, row.by === 'type' ? row.index : -1, row.by === 'line' ? row.index : -1),
        ' ' + spanText(change, shown.to - shown.from)]);
}

/**
 * @param {import('./state.js').Store} store
 * @param {import('./model.js').Suspect} suspect
 * @returns {import('./dom.js').Child[]}
 */
function suspectParts(store, suspect) {
    const {model} = store.now;
    const where = suspect.type >= 0 && suspect.line >= 0 ? ` at ${lineName(model, suspect.line, placeText)}` : '';
    return [rowLink(store, suspect.type, suspect.line) || 'The process', `${where} ${growthText(suspect)}`];
}

/**
 * @param {import('./state.js').Store} store
 * @param {import('./model.js').Hint} hint
 * @returns {import('./dom.js').Child[]}
 */
function hintParts(store, hint) {
    const link = rowLink(store, hint.type, hint.line);
    return [
        hint.saves > 0 && el('b', {}, ['\u2212', bytesEl(hint.saves)]), hint.saves > 0 && ' ',
        link, link && ' ', hint.text,
    ];
}
