// SPDX-License-Identifier: MIT
/**
 * help: the keys of the whole page, and the page that lists them.
 */
import {el} from './dom.js';

const KEYS = [
    ['Tab, arrows', 'move: between parts; in the chart, a table, the flame graph'],
    ['Enter', 'opens a row, zooms to a call'],
    ['/', 'goes to the filter, or to the search of the flame graph'],
    ['Esc', 'returns: from a zoom, from the drawer, to the whole time'],
    ['Shift and arrows', 'in the chart: choose a span, Enter shows it'],
    ['?', 'this list'],
];

/**
 * Makes the list of keys, a dialog.
 * @returns {HTMLDialogElement}
 */
export function makeHelp() {
    const rows = KEYS.map(([key, says]) => el('tr', {}, [el('th', {scope: 'row'}, [key]), el('td', {}, [says])]));
    const dialog = /** @type {HTMLDialogElement} */ (el('dialog', {'aria-label': 'Keys'}, [
        el('h2', {}, ['Keys']), el('table', {}, rows),
        el('p.dim', {}, ['Bytes are those that the program requested, in units of 1024. ' +
            'Point at a figure for its exact value; what is copied is exact.']),
        el('form', {method: 'dialog'}, [el('button', {}, ['Close'])]),
    ]));
    return dialog;
}

/**
 * Listens to the keys that work everywhere.
 * @param {import('./state.js').Store} store
 * @param {{help: HTMLDialogElement, filter: HTMLInputElement, search: HTMLInputElement, flame: HTMLElement}} parts
 * @param {AbortSignal} end of listening
 */
export function listenToKeys(store, parts, end) {
    document.addEventListener('keydown', (event) => {
        const target = /** @type {HTMLElement} */ (event.target);
        const isTyping = target instanceof HTMLInputElement && target.type === 'search';
        if (event.ctrlKey || event.metaKey || event.altKey || parts.help.open) {
            return;
        }
        if (event.key === 'Escape') {
            goBack(store, target);
        } else if (!isTyping && event.key === '/') {
            event.preventDefault();
            (parts.flame.contains(target) ? parts.search : parts.filter).focus();
        } else if (!isTyping && event.key === '?') {
            parts.help.showModal();
        }
    }, {signal: end});
}

/**
 * Returns by one step.
 * @param {import('./state.js').Store} store
 * @param {HTMLElement} target
 */
function goBack(store, target) {
    const {focus, selection, span, tree} = store.now;
    if (target instanceof HTMLInputElement && target.value !== '') {
        target.value = '';
        target.dispatchEvent(new Event('input'));
    } else if (focus >= 0) {
        store.set({focus: tree.parent[focus]});
    } else if (selection) {
        store.set({selection: null});
    } else if (span) {
        store.set({span: null});
    }
}
