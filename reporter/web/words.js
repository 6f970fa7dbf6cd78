// SPDX-License-Identifier: MIT
/**
 * words: what the page says of a process in sentences, without the page.
 */
import {bytesText, durationText, momentText} from './text.js';

const EVIDENCE = new Map([
    ['record', 'a record of the compiler, or the program registered it'],
    ['name', 'the name of the function that allocates'],
    ['object', 'a constructor, or a table of virtual functions'],
    ['source', 'the statement in the source'],
    ['variable', 'the variable that gets the pointer'],
    ['store', 'the field or element that gets the pointer'],
    ['return', 'the type of the result'],
    ['argument', 'the parameter that gets the pointer'],
    ['size', 'the only struct of this size in the source file'],
]);

/**
 * How long a process ran, until its end or until the figures were read.
 * @param {import('./model.js').Process} process
 * @returns {number} milliseconds
 */
export function runMs(process) {
    if (process.runNs !== null) {
        return process.runNs / 1e6;
    }
    const end = process.endNs || process.madeNs;
    return Math.max(0, (end - process.startNs) / 1e6);
}

/**
 * The state of a process, in words.
 * @param {import('./model.js').Process} process
 * @returns {string}
 */
export function stateText(process) {
    const time = durationText(runMs(process));
    switch (process.state) {
    case 'running':
        return `running for ${time}`;
    case 'exited':
        return process.exitStatus === null ? `ended after ${time}`
            : `ended with status ${process.exitStatus} after ${time}`;
    case 'killed':
        return `killed by ${process.signalName || 'signal ' + process.signal} after ${time}`;
    case 'replaced':
        return `replaced by another program (exec) after ${time}`;
    default:
        return `gone; its last figures are of ${momentText(process.madeNs)}`;
    }
}

/**
 * What the kind of a process's end means for its figures; empty: nothing.
 * @param {import('./model.js').Process} process
 * @returns {string}
 */
export function stateNote(process) {
    if (process.state === 'killed') {
        return 'The figures are as the process left them. Nothing could be checked for leaks at its end.';
    }
    if (process.state === 'lost') {
        return 'The process is gone and nobody saw its end. The figures are as it left them.';
    }
    return '';
}

/**
 * Of which moment or time a measure is, as it does not follow a chosen span.
 * @param {import('./model.js').Process} process
 * @param {string} measure
 * @returns {string}
 */
export function whenText(process, measure) {
    switch (measure) {
    case 'live': return process.state === 'running' ? 'now' : 'at the end';
    case 'peak': return 'at the peak of the whole time';
    case 'lost': return 'by the last leak check';
    default: return 'in the whole time';
    }
}

/**
 * How a suspect grows, after its name.
 * @param {import('./model.js').Suspect} suspect
 * @returns {string}
 */
export function growthText(suspect) {
    const growth = `grows ${bytesText(suspect.perHour)} an hour, steadily for ${durationText(suspect.steadyMs)}`;
    return suspect.limitMs === null ? growth + '.'
        : `${growth}; the limit is reached in ${durationText(suspect.limitMs)}.`;
}

/**
 * How much a row grew in a span, after its name.
 * @param {number} change bytes
 * @param {number} ms length of the span
 * @returns {string}
 */
export function spanText(change, ms) {
    const perHour = ms > 0 ? change * 3600000 / ms : 0;
    const rate = ms < 3600000 ? `${bytesText(perHour / 3600)} a second` : `${bytesText(perHour)} an hour`;
    return `grew by ${bytesText(change)}, ${rate}.`;
}

/**
 * How sure a type is and why.
 * @param {string} confidence
 * @param {string[]} evidence
 * @returns {string}
 */
export function evidenceText(confidence, evidence) {
    const known = evidence.map((word) => EVIDENCE.get(word) || word);
    const sure = {certain: 'Certain', likely: 'Likely', guess: 'A guess'}[confidence] || 'Not known';
    return known.length > 0 ? `${sure}, by ${known.join('; ')}.` : `${sure}.`;
}
