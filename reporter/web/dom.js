// SPDX-License-Identifier: MIT
/**
 * dom: elements. Text is set as text only, never as markup: names come from the observed process
 * and may hold anything.
 */
import {blocksText, bytesText, changeText, exactText} from './text.js';

const FOCUSABLE = 'a, button, input, [tabindex]';
const SVG = 'http://www.w3.org/2000/svg';

/**
 * @typedef {Node | string | null | false} Child a missing one is left out
 */

/**
 * Makes an element.
 * @param {string} tag with classes: td.number
 * @param {Record<string, any>} [properties] attributes; onclick and its like are listeners
 * @param {Child[]} [children]
 * @returns {HTMLElement}
 */
export function el(tag, properties, children) {
    const [name, ...classes] = tag.split('.');
    const element = document.createElement(name);
    return /** @type {HTMLElement} */ (finish(element, classes, properties || {}, children || []));
}

/**
 * Makes an element of a drawing.
 * @param {string} tag with classes
 * @param {Record<string, any>} [properties]
 * @param {Child[]} [children]
 * @returns {SVGElement}
 */
export function svgEl(tag, properties, children) {
    const [name, ...classes] = tag.split('.');
    const element = document.createElementNS(SVG, name);
    return /** @type {SVGElement} */ (finish(element, classes, properties || {}, children || []));
}

/**
 * @param {Element} element
 * @param {string[]} classes
 * @param {Record<string, any>} properties
 * @param {Child[]} children
 * @returns {Element}
 */
function finish(element, classes, properties, children) {
    element.classList.add(...classes);
    for (const name of Object.keys(properties)) {
        const value = properties[name];
        if (name.startsWith('on')) {
            element.addEventListener(name.slice(2), value);
        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(name, value === true ? '' : String(value));
        }
    }
    append(element, children);
    return element;
}

/**
 * @param {Element} element
 * @param {Child[]} children
 */
export function append(element, children) {
    for (const child of children) {
        if (child !== null && child !== false) {
            element.append(child);
        }
    }
}

/**
 * Replaces what an element contains.
 * @param {Element} element
 * @param {Child[]} children
 */
export function setChildren(element, children) {
    keepFocus(element, () => {
        element.replaceChildren();
        append(element, children);
    });
}

/**
 * Changes what an element contains. Where the focus was in it, the element in the same place has it
 * after that, so that a live page does not take it away.
 * @param {Element} element
 * @param {() => void} change
 */
export function keepFocus(element, change) {
    const active = document.activeElement;
    const at = active && active !== element && element.contains(active)
        ? Array.from(element.querySelectorAll(FOCUSABLE)).indexOf(active) : -1;
    change();
    const next = at < 0 ? undefined : element.querySelectorAll(FOCUSABLE)[at];
    if (next instanceof HTMLElement || next instanceof SVGElement) {
        next.focus({preventScroll: true});
    }
}

/**
 * A figure: a short text; the exact one on hover and on copy.
 * @param {string} shown
 * @param {string} exact
 * @param {number} value what is copied
 * @returns {HTMLElement}
 */
function figureEl(shown, exact, value) {
    return el('data', {value: Math.round(value), title: shown === exact ? null : exact}, [shown]);
}

/**
 * @param {number} value
 * @returns {HTMLElement}
 */
export function bytesEl(value) {
    return figureEl(bytesText(value), exactText(value) + ' bytes', value);
}

/**
 * @param {number} value
 * @returns {HTMLElement}
 */
export function blocksEl(value) {
    return figureEl(blocksText(value), blocksText(value), value);
}

/**
 * @param {number} value
 * @returns {HTMLElement}
 */
export function countEl(value) {
    return figureEl(exactText(value), exactText(value), value);
}

/**
 * A change of bytes or blocks.
 * @param {number} value
 * @param {string} unit bytes or blocks
 * @returns {HTMLElement}
 */
export function changeEl(value, unit) {
    const write = unit === 'bytes' ? bytesText : exactText;
    return figureEl(changeText(value, write), changeText(value, exactText) + ' ' + unit, value);
}

/**
 * A bytes or blocks figure with its unit.
 * @param {number} value
 * @param {string} unit
 * @returns {HTMLElement}
 */
export function amountEl(value, unit) {
    return unit === 'bytes' ? bytesEl(value) : blocksEl(value);
}

/**
 * A group of buttons of which one is pressed, such as Peak | Live | Lost; arrow keys move in it.
 * @param {string} label for screen readers
 * @param {{id: string, word: string, says?: string}[]} choices
 * @param {(id: string) => void} choose
 * @param {boolean} [areTabs] they show one of several tables
 * @returns {{element: HTMLElement, show: (id: string, off?: string[]) => void}} show() marks the
 *     chosen one, and turns those of `off` off
 */
export function choiceEl(label, choices, choose, areTabs) {
    const buttons = choices.map((choice) => el('button', {
        type: 'button', role: areTabs ? 'tab' : 'radio', title: choice.says, 'data-id': choice.id,
        onclick: () => choose(choice.id),
    }, [choice.word]));
    const role = areTabs ? 'tablist' : 'radiogroup';
    const element = el('div.choice', {role, 'aria-label': label, onkeydown: move}, buttons);
    /** @param {KeyboardEvent} event */
    function move(event) {
        const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
        if (step) {
            event.preventDefault();
            event.stopPropagation();
            const on = buttons.filter((button) => !button.hasAttribute('disabled'));
            const at = on.indexOf(/** @type {HTMLElement} */ (document.activeElement));
            const next = on[(at + step + on.length) % on.length];
            next.focus();
            next.click();
        }
    }
    return {
        element,
        show(id, off = []) {
            for (const button of buttons) {
                const isOn = button.dataset.id === id;
                button.setAttribute(areTabs ? 'aria-selected' : 'aria-checked', String(isOn));
                button.tabIndex = isOn ? 0 : -1;
                button.toggleAttribute('disabled', off.includes(String(button.dataset.id)));
            }
        },
    };
}
