// SPDX-License-Identifier: MIT
/**
 * main: puts the page together. A report has its document inside; a live page asks the server.
 */
import {copyExactly} from './copy.js';
import {el, setChildren} from './dom.js';
import {BadDocument} from './check.js';
import {makeChart} from './chart.js';
import {makeDrawer} from './drawer.js';
import {makeFlame} from './flame.js';
import {makeGrid} from './grid.js';
import {makeHeader, makeMeasures, makeSummary} from './header.js';
import {listenToKeys, makeHelp} from './help.js';
import {makeSentences} from './sentences.js';
import {makeStore} from './state.js';
import {readInline} from './load.js';
import {readModel} from './model.js';
import {startTheme} from './theme.js';
import {startLive} from './live.js';

/** @type {AbortController | null} */
let shown = null;

/**
 * Shows a model in the place of what was shown.
 * @param {Element} root
 * @param {import('./model.js').Model} model
 * @param {HTMLElement[]} tools what a live page has besides
 * @param {import('./drawer.js').Asks | null} asks asks a live process; null: there is none
 * @returns {import('./state.js').Store}
 */
function showModel(root, model, tools, asks) {
    if (shown) {
        shown.abort();
    }
    shown = new AbortController();
    const store = makeStore(model);
    const help = makeHelp();
    const header = makeHeader(store, () => help.showModal());
    const flame = makeFlame(store, shown.signal);
    const grid = makeGrid(store);
    const pair = el('div.pair', {}, [grid.element, flame.element]);
    setChildren(root, [
        header, tools.length > 0 && el('nav.toolbar', {'aria-label': 'Live'}, tools),
        makeSummary(store), makeChart(store), makeSentences(store), makeMeasures(store), pair,
        makeDrawer(store, pair, asks), help,
        el('footer.dim', {}, [`LMM ${model.version}. Bytes are those that the program requested. Press ? for the keys.`]),
    ]);
    listenToKeys(store, {help, filter: grid.filter, search: flame.search, flame: flame.element},
        shown.signal);
    return store;
}

/**
 * Says why nothing can be shown.
 * @param {Element} root
 * @param {unknown} error
 */
function showFailure(root, error) {
    const why = error instanceof BadDocument ? error.message : `this page has failed: ${error}`;
    setChildren(root, [el('section.failure', {role: 'alert'}, [
        el('h1', {}, ['Nothing to show']), el('p', {}, [`${why[0].toUpperCase()}${why.slice(1)}.`]),
    ])]);
    console.warn(error);
}

async function startPage() {
    const root = /** @type {Element} */ (document.getElementById('page'));
    copyExactly();
    startTheme();
    try {
        const inline = document.getElementById('lmm-data');
        if (inline) {
            showModel(root, readModel(await readInline(inline)), [], null);
            document.documentElement.dataset.ready = String(Math.round(performance.now()));
        } else {
            startLive({
                root, showModel: (model, tools, asks) => showModel(root, model, tools, asks),
                showFailure: (error) => showFailure(root, error),
            });
        }
    } catch (error) {
        showFailure(root, error);
    }
}

startPage();
