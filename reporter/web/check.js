// SPDX-License-Identifier: MIT
/**
 * check: reads parts of a document that nobody has checked. Each function returns the value with
 * its promised type, or throws a BadDocument that names the place.
 */

// Control and format characters, and halves of pairs, could make a name look like another one.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}]/gu;

/** What is wrong with a document, and where. */
export class BadDocument extends Error {}

/**
 * @param {string} where
 * @param {string} what
 * @returns {never}
 */
export function reject(where, what) {
    throw new BadDocument(`${where} ${what}`);
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {any} an object that is no array
 */
export function objectIn(value, where) {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) {
        reject(where, 'is not an object');
    }
    return value;
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {any[]}
 */
export function arrayIn(value, where) {
    if (!Array.isArray(value)) {
        reject(where, 'is not an array');
    }
    return value;
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {string} a missing text is empty; characters that are not seen are replaced
 */
export function textIn(value, where) {
    if (value === undefined || value === null) {
        return '';
    }
    if (typeof value !== 'string') {
        reject(where, 'is not a text');
    }
    return value.replace(UNSEEN, '\ufffd');
}

/**
 * @param {any} value
 * @param {string} where
 * @param {string[]} words the first one stands for a missing word
 * @returns {string}
 */
export function wordIn(value, where, words) {
    if (value === undefined || value === null) {
        return words[0];
    }
    if (!words.includes(value)) {
        reject(where, 'is not one of its words');
    }
    return value;
}

/**
 * @param {any} value
 * @param {string} where
 * @param {number} least
 * @param {number} end
 * @returns {number} a whole number from least to below end
 */
export function wholeIn(value, where, least, end) {
    if (!Number.isInteger(value) || value < least || value >= end) {
        reject(where, `is not a whole number from ${least} to below ${end}`);
    }
    return value;
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {number} a figure; 0 for a missing one
 */
export function figureIn(value, where) {
    return value === undefined ? 0 : wholeIn(value, where, 0, Infinity);
}

/**
 * @param {any} value
 * @param {string} where
 * @returns {number | null} a figure; null: unknown
 */
export function knownIn(value, where) {
    return value === undefined || value === null ? null : wholeIn(value, where, 0, Infinity);
}

/**
 * A column of figures.
 * @param {any} value undefined: all are 0
 * @param {string} where
 * @param {number} length
 * @returns {Float64Array}
 */
export function figuresIn(value, where, length) {
    const column = new Float64Array(length);
    if (value !== undefined) {
        fill(column, value, where, 0, Infinity);
    }
    return column;
}

/**
 * A column of figures that is written as changes: the first figure, then how much each is more than the one before.
 * @param {any} value
 * @param {string} where
 * @param {number} length
 * @returns {Float64Array}
 */
export function sumsIn(value, where, length) {
    const column = new Float64Array(length);
    fill(column, value, where, -Infinity, Infinity);
    for (let i = 0; i < length; i++) {
        column[i] += i > 0 ? column[i - 1] : 0;
        wholeIn(column[i], `${where}[${i}]`, 0, Infinity);
    }
    return column;
}

/**
 * A column of indexes.
 * @param {any} value
 * @param {string} where
 * @param {number} length
 * @param {number} least 0, or -1 for none
 * @param {number} end
 * @returns {Int32Array}
 */
export function indexesIn(value, where, length, least, end) {
    const column = new Int32Array(length);
    fill(column, value, where, least, end);
    return column;
}

/**
 * @param {Float64Array | Int32Array} column
 * @param {any} value
 * @param {string} where
 * @param {number} least
 * @param {number} end
 */
function fill(column, value, where, least, end) {
    const cells = arrayIn(value, where);
    if (cells.length !== column.length) {
        reject(where, `has ${cells.length} rows instead of ${column.length}`);
    }
    for (let i = 0; i < cells.length; i++) {
        const cell = cells[i];
        if (!Number.isInteger(cell) || cell < least || cell >= end) {
            reject(`${where}[${i}]`, `is not a whole number from ${least} to below ${end}`);
        }
        column[i] = cell;
    }
}

/**
 * A column of words.
 * @param {any} value
 * @param {string} where
 * @param {number} length
 * @param {string[]} words
 * @returns {string[]}
 */
export function wordsIn(value, where, length, words) {
    const cells = arrayIn(value, where);
    if (cells.length !== length) {
        reject(where, `has ${cells.length} rows instead of ${length}`);
    }
    return cells.map((cell, i) => wordIn(cell, `${where}[${i}]`, words));
}
