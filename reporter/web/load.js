// SPDX-License-Identifier: MIT
/**
 * load: where the document comes from. A report has it inside: deflated (zlib), then base64.
 */
import {BadDocument} from './check.js';

/**
 * Reads the document inside the page.
 * @param {Element} element
 * @returns {Promise<any>} the document, not checked
 */
export async function readInline(element) {
    if (!('DecompressionStream' in window)) {
        throw new BadDocument('this browser is too old: it lacks DecompressionStream, which all have since 2023');
    }
    try {
        const bytes = bytesOfBase64(String(element.textContent).trim());
        // TypeScript 4.8 does not know this class yet.
        const inflate = new (/** @type {any} */ (window).DecompressionStream)('deflate');
        const stream = new Blob([bytes]).stream().pipeThrough(inflate);
        return JSON.parse(await new Response(stream).text());
    } catch (error) {
        throw new BadDocument('the data inside this file is damaged');
    }
}

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
function bytesOfBase64(text) {
    const letters = atob(text);
    const bytes = new Uint8Array(letters.length);
    for (let i = 0; i < letters.length; i++) {
        bytes[i] = letters.charCodeAt(i);
    }
    return bytes;
}
