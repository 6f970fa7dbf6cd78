// SPDX-License-Identifier: MIT
/**
 * layouts: the fields of a struct and the holes between them.
 */
import {exactText} from './text.js';

/**
 * @typedef {Object} Part of a struct
 * @property {boolean} isHole
 * @property {string} name
 * @property {string} type
 * @property {number} offset
 * @property {number} bytes
 * @property {number | null} bits
 */

/**
 * The fields and holes of a struct in the order of their offsets. What lies outside the struct is
 * cut off.
 * @param {import('./model.js').Layout} layout
 * @returns {Part[]}
 */
export function holesOf(layout) {
    /** @type {Part[]} */
    const parts = [];
    let end = 0;
    const addHole = (/** @type {number} */ to) => {
        if (to > end) {
            parts.push({isHole: true, name: '', type: '', offset: end, bytes: to - end, bits: null});
        }
    };
    const fields = layout.fields.slice().sort((a, b) => a.offset - b.offset);
    for (const field of fields) {
        if (field.offset < layout.bytes) {
            addHole(field.offset);
            const bytes = Math.min(field.bytes, layout.bytes - field.offset);
            parts.push({isHole: false, ...field, bytes});
            end = Math.max(end, field.offset + bytes);
        }
    }
    addHole(layout.bytes);
    return parts;
}

/**
 * What a layout means, in a sentence.
 * @param {import('./model.js').Layout} layout
 * @returns {string}
 */
export function layoutNote(layout) {
    const holes = holesOf(layout).filter((part) => part.isHole);
    const empty = holes.reduce((sum, part) => sum + part.bytes, 0);
    const count = holes.length === 1 ? '1 hole' : `${holes.length} holes`;
    const first = holes.length === 0 ? `${exactText(layout.bytes)} bytes without a hole.`
        : `${exactText(empty)} of ${exactText(layout.bytes)} bytes are padding, in ${count}.`;
    return layout.better === null || layout.better >= layout.bytes ? first
        : `${first} In a better order it has ${exactText(layout.better)} bytes.`;
}
