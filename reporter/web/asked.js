// SPDX-License-Identifier: MIT
/**
 * asked: a part of the drawer that only the process itself can fill: buttons that ask it about the
 * chosen row, and below them what it answered.
 */
import {el, setChildren} from './dom.js';

/**
 * @typedef {import('./sums.js').Selection} Selection
 *
 * @typedef {Object} Question
 * @property {string} word of its button
 * @property {string} says its title
 * @property {(row: Selection) => Promise<any>} ask
 * @property {(answer: any, row: Selection) => import('./dom.js').Child[]} show what is shown of the answer
 *
 * @typedef {(row: Selection, canAsk: boolean) => HTMLElement | null} Asked the part of a row; null: it has
 *     neither buttons nor an answer
 */

/**
 * Makes the part. One element serves all rows, so that what was asked for stays while figures change.
 * @param {string} head
 * @param {Question[]} questions
 * @param {(row: Selection) => import('./dom.js').Child[]} notes what is said below
 * @returns {Asked}
 */
export function makeAsked(head, questions, notes) {
    const result = el('div', {role: 'status'});
    /** @type {Selection | null} */
    let row = null;
    const load = (/** @type {Question} */ question) => {
        const asked = /** @type {Selection} */ (row);
        const show = (/** @type {import('./dom.js').Child[]} */ parts) => asked === row && setChildren(result, parts);
        show([el('p.dim', {}, ['Asking the process.'])]);
        question.ask(asked).then((answer) => show(question.show(answer, asked)))
            .catch((error) => show([el('p.dim', {}, [`Not known: ${error.message}.`])]));
    };
    const buttons = el('p.buttons', {}, questions.map((one) => el('button', {
        type: 'button', title: one.says, onclick: () => load(one)}, [one.word])));
    const below = el('p.dim');
    const part = el('div', {}, [el('h3', {}, [head]), buttons, result, below]);
    return (chosen, canAsk) => {
        if (!row || row.by !== chosen.by || row.index !== chosen.index) {
            row = {by: chosen.by, index: chosen.index};
            setChildren(result, []);
            setChildren(below, notes(row));
        }
        buttons.hidden = !canAsk;
        return canAsk || result.hasChildNodes() ? part : null;
    };
}
