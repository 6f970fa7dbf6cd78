// SPDX-License-Identifier: MIT
/**
 * theme: dark or light, as the system says until the reader chooses.
 */
import {el} from './dom.js';

const THEME_KEY = 'lmm-theme';
/** @type {string} what the reader chose; empty: nothing */
let chosenTheme = '';

/**
 * @returns {MediaQueryList}
 */
function darkQuery() {
    return window.matchMedia('(prefers-color-scheme: dark)');
}

/** Shows the page in its theme, now and when the system's changes. */
export function startTheme() {
    try {
        const kept = localStorage.getItem(THEME_KEY);
        chosenTheme = kept === 'dark' || kept === 'light' ? kept : '';
    } catch (error) {
        // A file may have no storage; then a choice lasts as long as the page.
    }
    applyTheme();
    darkQuery().addEventListener('change', applyTheme);
}

/** Sets the theme and tells those who draw in colours of their own. */
function applyTheme() {
    document.documentElement.dataset.theme = chosenTheme || (darkQuery().matches ? 'dark' : 'light');
    document.dispatchEvent(new Event('lmm-theme'));
}

/**
 * Calls after each change of the theme, until the signal ends that.
 * @param {() => void} call
 * @param {AbortSignal} [end]
 */
export function onTheme(call, end) {
    document.addEventListener('lmm-theme', call, end ? {signal: end} : {});
}

/**
 * @returns {boolean}
 */
export function isDark() {
    return document.documentElement.dataset.theme === 'dark';
}

/**
 * A button that changes to the other theme.
 * @returns {HTMLElement}
 */
export function themeButton() {
    const button = el('button', {type: 'button', onclick: () => {
        chosenTheme = isDark() ? 'light' : 'dark';
        try {
            localStorage.setItem(THEME_KEY, chosenTheme);
        } catch (error) {
            // As above.
        }
        applyTheme();
        name();
    }});
    const name = () => {
        button.textContent = isDark() ? 'Light' : 'Dark';
        button.title = `change to the ${isDark() ? 'light' : 'dark'} theme`;
    };
    name();
    return button;
}
