// SPDX-License-Identifier: MIT
/**
 * header: the line that says which process this is and how it is, what is measured, and the
 * summary of its figures.
 */
import {amountEl, blocksEl, bytesEl, changeEl, choiceEl, el, setChildren} from './dom.js';
import {clockText, durationText, exactText, momentText, shareText} from './text.js';
import {MEASURES, measureOf, siteValues, sumOf} from './sums.js';
import {shownSpan} from './spans.js';
import {themeButton} from './theme.js';
import {runMs, stateNote, stateText, whenText} from './words.js';

/**
 * Makes the header line.
 * @param {import('./state.js').Store} store
 * @param {() => void} showHelp
 * @returns {HTMLElement}
 */
export function makeHeader(store, showHelp) {
    const what = el('div.what');
    const help = el('button', {type: 'button', onclick: showHelp, title: 'keys (?)', 'aria-label': 'Keys'}, ['?']);
    const header = el('header', {}, [what, el('div.tools', {}, [themeButton(), help])]);
    const draw = () => setChildren(what, nameParts(store));
    store.watch((changed) => {
        if (['model', 'span', 'connection'].some((name) => changed.has(name))) {
            draw();
        }
    });
    draw();
    return header;
}

/**
 * What is measured, and in which unit; everything below follows.
 * @param {import('./state.js').Store} store
 * @returns {HTMLElement}
 */
export function makeMeasures(store) {
    const measure = choiceEl('What is measured', MEASURES, (id) => store.set({measure: id}));
    const unit = choiceEl('In which unit', [
        {id: 'bytes', word: 'Bytes', says: 'as the program requested them'}, {id: 'blocks', word: 'Blocks'},
    ], (id) => store.set({unit: id}));
    const says = el('span.dim');
    const draw = () => {
        const {model, measure: chosen} = store.now;
        const off = MEASURES.filter((one) => isOff(model, one.id)).map((one) => one.id);
        const hasBytes = measureOf(chosen).bytes.length > 0;
        measure.show(chosen, off);
        unit.show(hasBytes ? store.now.unit : 'blocks', hasBytes ? [] : ['bytes']);
        const span = model.series && store.now.span ? shownSpan(model.series, store.now.span) : null;
        const followed = !span ? '' : `. Only the columns At ${clockText(span.to)}, Change and Trend follow the chosen ` +
            `span, where figures over time are known; all else is ${whenText(model.process, chosen)}.`;
        says.textContent = `${measureOf(chosen).word.toLowerCase()}: ${measureOf(chosen).says}${followed}`;
    };
    store.watch((changed) => {
        if (['model', 'measure', 'unit', 'span'].some((name) => changed.has(name))) {
            draw();
        }
    });
    draw();
    return el('div.toolbar', {}, [measure.element, unit.element, says]);
}

/**
 * @param {import('./model.js').Model} model
 * @param {string} id of a measure
 * @returns {boolean} whether there is nothing of it
 */
function isOff(model, id) {
    if (model.kind === 'diff' && (id === 'lost' || id === 'temporary')) {
        return true;
    }
    return sumOf(siteValues(model, id, 'blocks')) + sumOf(siteValues(model, id, 'blocks', true)) === 0;
}

/**
 * @param {import('./state.js').Store} store
 * @returns {import('./dom.js').Child[]}
 */
function nameParts(store) {
    const {model, span, connection} = store.now;
    const {process, before, series} = model;
    const command = process.command.join(' ');
    const parts = [
        el('h1', {title: command || null}, [process.program || 'a program without a name']),
        el('span.dim', {}, [`pid ${process.pid}`]),
        el(`span.state.state-${process.state}`, {title: `started ${momentText(process.startNs)}`}, [stateText(process)]),
    ];
    if (before) {
        parts.push(el('span', {}, [
            `compared with ${before.process.program}, pid ${before.process.pid}, ${stateText(before.process)}`]));
    } else if (series) {
        const shown = shownSpan(series, span);
        parts.push(el('span.dim.span', {}, [span
            ? `shown: ${durationText(shown.to - shown.from)}, from ${durationText(shown.from)} to ${durationText(shown.to)}`
            : 'shown: the whole time']));
    }
    if (connection) {
        parts.push(el('span.connection', {role: 'status'}, [connection]));
    }
    return parts;
}

/**
 * Makes the summary: a few figures in words.
 * @param {import('./state.js').Store} store
 * @returns {HTMLElement}
 */
export function makeSummary(store) {
    const list = el('dl.summary');
    const note = el('p.note');
    const draw = () => {
        const {model} = store.now;
        setChildren(list, (model.before ? comparedFigures(model) : figures(model)).map(
            ([word, figure, more]) => el('div', {}, [el('dt', {}, [word]), el('dd', {}, [figure, more])])));
        note.textContent = stateNote(model.process);
        note.hidden = note.textContent === '';
    };
    store.watch((changed) => {
        if (changed.has('model')) {
            draw();
        }
    });
    draw();
    return el('section', {'aria-label': 'Summary'}, [list, note]);
}

/**
 * @param {...import('./dom.js').Child} children
 * @returns {HTMLElement}
 */
function aside(...children) {
    return el('small', {}, children);
}

/**
 * @param {import('./model.js').Model} model
 * @returns {[string, HTMLElement, HTMLElement][]}
 */
function figures(model) {
    const {totals, process, leakCheck} = model;
    const peakMs = (totals.peak_time_ns - process.startNs) / 1e6;
    const isRunning = process.state === 'running';
    /** @type {[string, HTMLElement, HTMLElement][]} */
    const list = [
        ['At the peak', bytesEl(totals.peak_bytes), aside(' in ', blocksEl(totals.peak_blocks),
            totals.peak_bytes > 0 && totals.peak_time_ns > 0 && peakMs >= 0 ? `, after ${durationText(peakMs)}` : '')],
        [isRunning ? 'Now' : 'At the end', bytesEl(totals.live_bytes), aside(' in ', blocksEl(totals.live_blocks))],
        ['Allocated', bytesEl(totals.allocated_bytes), aside(' in ', blocksEl(totals.allocations), rateText(model))],
    ];
    if (totals.temporaries > 0) {
        list.push(['Temporary', el('span', {}, [shareText(totals.temporaries, totals.allocations)]),
            aside(` ${exactText(totals.temporaries)} blocks`)]);
    }
    const resident = totals.maxResidentBytes || totals.residentBytes;
    if (resident) {
        list.push([totals.maxResidentBytes ? 'Resident at most' : 'Resident', bytesEl(resident), aside()]);
    }
    if (leakCheck && !leakCheck.failure) {
        const {definite, indirect, possible} = leakCheck.classes;
        list.push(['Lost', bytesEl(definite.bytes + indirect.bytes),
            aside(' in ', blocksEl(definite.blocks + indirect.blocks),
                possible.bytes > 0 && ', possibly ', possible.bytes > 0 && bytesEl(possible.bytes))]);
    }
    return list;
}

/**
 * @param {import('./model.js').Model} model
 * @returns {string}
 */
function rateText(model) {
    const seconds = runMs(model.process) / 1000;
    const rate = model.totals.allocations / seconds;
    return seconds >= 0.1 && rate >= 1 ? `, ${exactText(rate)} a second` : '';
}

/**
 * @param {import('./model.js').Model} model
 * @returns {[string, HTMLElement, HTMLElement][]}
 */
function comparedFigures(model) {
    const before = /** @type {any} */ (model.before).totals;
    const {totals} = model;
    return [['peak_bytes', 'Peak', 'bytes'], ['live_bytes', 'Live', 'bytes'], ['live_blocks', 'Live blocks', 'blocks'],
        ['allocated_bytes', 'Allocated', 'bytes'], ['allocations', 'Allocations', 'blocks']].map(([name, word, unit]) => [
        word, changeEl(totals[name] - before[name], unit),
        aside(' from ', amountEl(before[name], unit), ' to ', amountEl(totals[name], unit)),
    ]);
}
