// SPDX-License-Identifier: MIT
/**
 * processes: the list of all processes that the server knows, checked, and as a table.
 */
import {arrayIn, figureIn, objectIn, textIn, wordIn} from './check.js';
import {bytesEl, el, setChildren} from './dom.js';
import {themeButton} from './theme.js';
import {durationText, exactText, momentText} from './text.js';

const STATES = ['unknown', 'running', 'exited', 'killed', 'replaced', 'lost'];
const HEADS = [['Program', '.wide'], ['PID', '.rank-1'], ['Live', ''], ['Peak', '.rank-1'], ['Resident', '.rank-1'],
    ['State', '.wide']];
const FIGURES = ['pid', 'start_time_ns', 'end_time_ns', 'live_bytes', 'live_blocks', 'peak_bytes', 'resident_bytes',
    'limit_bytes'];

/**
 * @typedef {Object} Listed
 * @property {string} id PID.START
 * @property {string} program
 * @property {string} command
 * @property {string} state
 * @property {string} trouble
 * @property {boolean} isRemoved
 * @property {Record<string, number>} figures
 */

/** The list, kept up to date by events. */
export class ProcessList {
    constructor() {
        /** @type {Map<string, Listed>} */
        this.known = new Map();
    }

    /** @param {any} document of GET api/v1/processes */
    replace(document) {
        this.known = new Map();
        this.put(objectIn(document, 'the list').processes);
    }

    /** @param {any} changes of an event */
    change(changes) {
        this.put(objectIn(changes, 'the changes').changed || []);
        for (const id of arrayIn(changes.gone || [], 'gone')) {
            this.known.delete(textIn(id, 'gone'));
        }
    }

    /** @param {any} list */
    put(list) {
        for (const one of arrayIn(list, 'processes')) {
            const listed = readListed(objectIn(one, 'processes'));
            this.known.set(listed.id, listed);
        }
    }

    /** @returns {Listed[]} running ones first, then the newest */
    rows() {
        return Array.from(this.known.values()).sort((a, b) =>
            Number(b.state === 'running') - Number(a.state === 'running') ||
            b.figures.start_time_ns - a.figures.start_time_ns);
    }
}

/**
 * @param {any} one
 * @returns {Listed}
 */
function readListed(one) {
    /** @type {Record<string, number>} */
    const figures = {};
    for (const name of FIGURES) {
        figures[name] = figureIn(one[name], `processes.${name}`);
    }
    return {
        id: textIn(one.id, 'processes.id'), program: textIn(one.program, 'processes.program'),
        command: Array.isArray(one.command) ? one.command.map(String).join(' ') : textIn(one.command, 'processes.command'),
        state: wordIn(one.state, 'processes.state', STATES), trouble: textIn(one.trouble, 'processes.trouble'),
        isRemoved: one.is_removed === true, figures,
    };
}

/**
 * The state of a listed process in words.
 * @param {Listed} listed
 * @param {number} nowNs
 * @returns {string}
 */
export function listedState(listed, nowNs) {
    const {start_time_ns: start, end_time_ns: end} = listed.figures;
    if (listed.state === 'running') {
        return `running for ${durationText(Math.max(0, nowNs - start) / 1e6)}`;
    }
    const word = {exited: 'ended', killed: 'killed', replaced: 'replaced by another program', lost: 'gone'}[listed.state];
    return word ? word + (end > 0 ? ` at ${momentText(end)}` : '') : 'not visible from here';
}

/**
 * Draws the list.
 * @param {Element} root its content is replaced
 * @param {ProcessList} list
 * @param {string} connection in words; empty: all is well
 */
export function drawProcesses(root, list, connection) {
    const rows = list.rows();
    const nowNs = Date.now() * 1e6;
    setChildren(root, [
        el('header', {}, [el('div.what', {}, [el('h1', {}, ['LMM']), el('span.dim', {}, [
            `${exactText(rows.length)} ${rows.length === 1 ? 'process' : 'processes'}`]),
        connection !== '' && el('span.connection', {role: 'status'}, [connection])]),
        el('div.tools', {}, [themeButton()])]),
        rows.length === 0 ? noProcesses() : el('table.processes', {}, [
            el('thead', {}, [el('tr', {}, HEADS.map(([word, classes]) => el('th' + classes, {scope: 'col'}, [word])))]),
            el('tbody', {}, rows.map((row) => processRow(row, nowNs))),
        ]),
    ]);
}

/**
 * @param {Listed} listed
 * @param {number} nowNs
 * @returns {HTMLElement}
 */
function processRow(listed, nowNs) {
    const {figures} = listed;
    const state = listedState(listed, nowNs) + (listed.isRemoved ? '; its ledger was removed' : '') +
        (listed.trouble ? `; ${listed.trouble}` : '');
    return el('tr', {}, [
        el('td.wide', {title: listed.command || null}, [
            el('a', {href: '#' + encodeURIComponent(listed.id)}, [listed.program || '(no name)'])]),
        el('td.rank-1', {}, [String(figures.pid)]), el('td', {}, [bytesEl(figures.live_bytes)]),
        el('td.rank-1', {}, [bytesEl(figures.peak_bytes)]),
        el('td.rank-1', {}, [figures.resident_bytes > 0 ? bytesEl(figures.resident_bytes) : '\u2013']),
        el(`td.wide.state-${listed.state}`, {}, [state]),
    ]);
}

/** @returns {HTMLElement} what to type, when there is nothing to show */
function noProcesses() {
    return el('section.failure', {}, [
        el('h2', {}, ['No process uses LMM yet']),
        el('p', {}, ['Start one in a terminal; it appears here within a second:']),
        el('p', {}, [el('code', {}, ['lmm run -- PROGRAM'])]),
        el('p.dim', {}, ['Programs that use liblmm appear by themselves.']),
    ]);
}
