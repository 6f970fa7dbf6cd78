// SPDX-License-Identifier: MIT
/**
 * copy: what is copied from the page has exact figures: 1299123456 where 1.21 GiB is shown.
 */

/**
 * Makes copies exact, except from fields that the reader typed into.
 */
export function copyExactly() {
    document.addEventListener('copy', (event) => {
        const chosen = document.getSelection();
        const target = event.target instanceof Element ? event.target : null;
        if (!chosen || chosen.isCollapsed || !event.clipboardData || (target && target.closest('input'))) {
            return;
        }
        const parts = chosen.getRangeAt(0).cloneContents();
        if (parts.querySelector('data')) {
            event.preventDefault();
            event.clipboardData.setData('text/plain', exactCopy(parts).trim());
        }
    });
}

/**
 * @param {Node} node
 * @returns {string} its text: cells with tabs between them, rows and blocks on lines
 */
function exactCopy(node) {
    if (node instanceof HTMLDataElement) {
        return node.value;
    }
    if (node.nodeType === Node.TEXT_NODE) {
        return String(node.nodeValue);
    }
    const text = Array.from(node.childNodes, exactCopy).join('');
    const name = node.nodeName.toLowerCase();
    if (name === 'td' || name === 'th') {
        return text.trim() + '\t';
    }
    return ['tr', 'p', 'li', 'div', 'dt', 'dd', 'br'].includes(name) ? text.replace(/\t$/, '') + '\n' : text;
}
