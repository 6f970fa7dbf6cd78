// SPDX-License-Identifier: MIT
/**
 * sums: what is measured of sites, and its sums by type, line or family.
 */

/**
 * @typedef {Object} Measure
 * @property {string} id
 * @property {string} word for the reader
 * @property {string} says what it counts, as a title
 * @property {string} nothing what is said where there is none of it
 * @property {string[]} bytes columns of sites; empty: it counts blocks alone
 * @property {string[]} blocks
 *
 * @typedef {{by: 'type' | 'line' | 'family', index: number}} Selection a row that the reader chose
 */

/** @type {Measure[]} */
export const MEASURES = [
    {
        id: 'peak', word: 'Peak', says: 'when the process had most live bytes',
        nothing: 'No block lived at the peak.',
        bytes: ['peak_bytes'], blocks: ['peak_blocks'],
    },
    {
        id: 'live', word: 'Live', says: 'at the moment of the figures',
        nothing: 'No block is live.',
        bytes: ['live_bytes'], blocks: ['live_blocks'],
    },
    {
        id: 'lost', word: 'Lost', says: 'definitely lost, and what hangs on such blocks',
        nothing: 'No block is lost.',
        bytes: ['definite_bytes', 'indirect_bytes'], blocks: ['definite_blocks', 'indirect_blocks'],
    },
    {
        id: 'allocated', word: 'Allocated', says: 'ever, freed blocks too',
        nothing: 'Nothing was allocated.',
        bytes: ['allocated_bytes'], blocks: ['allocations'],
    },
    {
        id: 'temporary', word: 'Temporary', says: 'freed before the same thread allocated again',
        nothing: 'No block was temporary.',
        bytes: [], blocks: ['temporaries'],
    },
];

/**
 * @param {string} id
 * @returns {Measure}
 */
export function measureOf(id) {
    return MEASURES.find((measure) => measure.id === id) || MEASURES[0];
}

/**
 * Measures each site.
 * @param {import('./model.js').Model} model
 * @param {string} id of a measure
 * @param {string} unit bytes or blocks; what has no bytes is counted in blocks
 * @param {boolean} [isBefore] at the earlier moment of a comparison
 * @returns {Float64Array} a figure for each site
 */
export function siteValues(model, id, unit, isBefore) {
    const measure = measureOf(id);
    const names = unit === 'bytes' && measure.bytes.length > 0 ? measure.bytes : measure.blocks;
    const values = new Float64Array(model.sites.count);
    for (const name of names) {
        const column = model.sites.columns[isBefore ? 'before_' + name : name];
        for (let i = 0; column && i < values.length; i++) {
            values[i] += column[i];
        }
    }
    return values;
}

/**
 * Adds the sites of each row up.
 * @param {Float64Array} values a figure for each site
 * @param {Int32Array} keys the row of each site; -1: none
 * @param {number} count rows
 * @returns {Float64Array}
 */
export function sumBy(values, keys, count) {
    const sums = new Float64Array(count);
    for (let i = 0; i < values.length; i++) {
        if (keys[i] >= 0) {
            sums[keys[i]] += values[i];
        }
    }
    return sums;
}

/**
 * @param {ArrayLike<number>} values
 * @returns {number}
 */
export function sumOf(values) {
    let sum = 0;
    for (let i = 0; i < values.length; i++) {
        sum += values[i];
    }
    return sum;
}

/**
 * @param {import('./model.js').Model} model
 * @param {Selection['by']} by
 * @returns {number} how many rows there are
 */
export function rowCount(model, by) {
    return {type: model.types.count, line: model.lines.count, family: model.families.count}[by];
}

/**
 * Sets the values of sites that do not belong to the chosen row to 0.
 * @param {import('./model.js').Model} model
 * @param {Float64Array} values is changed
 * @param {Selection | null} selection null: all belong to it
 * @returns {Float64Array} values
 */
export function keepSelected(model, values, selection) {
    if (selection) {
        const keys = model.sites[selection.by];
        for (let i = 0; i < values.length; i++) {
            if (keys[i] !== selection.index) {
                values[i] = 0;
            }
        }
    }
    return values;
}

/**
 * The sites of a row, those with most first; those with nothing are left out.
 * @param {import('./model.js').Model} model
 * @param {Selection} selection
 * @param {Float64Array} values by which they are ordered
 * @returns {number[]} their indexes
 */
export function sitesOf(model, selection, values) {
    const keys = model.sites[selection.by];
    const found = [];
    for (let i = 0; i < keys.length; i++) {
        if (keys[i] === selection.index && values[i] > 0) {
            found.push(i);
        }
    }
    return found.sort((a, b) => values[b] - values[a] || a - b);
}

/**
 * The name of a type's row.
 * @param {import('./model.js').Model} model
 * @param {number} index
 * @returns {string}
 */
export function typeName(model, index) {
    return model.types.name[index] || '(unknown)';
}

/**
 * The name of a line's row: tree.c:12 (node_new); without a line the function, or what else is known.
 * @param {import('./model.js').Model} model
 * @param {number} index
 * @param {(file: string, line: number) => string} place writes a place of the source
 * @returns {string}
 */
export function lineName(model, index, place) {
    const lines = model.lines;
    const where = place(lines.file[index], lines.line[index]);
    const name = lines.functionName[index];
    if (lines.line[index] > 0) {
        return name ? `${where} (${name})` : where;
    }
    return name || where || '(unknown)';
}

/**
 * Whether most of the bytes at the peak have a known type, so that types tell more than lines.
 * @param {import('./model.js').Model} model
 * @returns {boolean}
 */
export function areTypesKnown(model) {
    const bytes = sumBy(siteValues(model, 'peak', 'bytes'), model.sites.type, model.types.count);
    const known = bytes.filter((_, i) => model.types.gap[i] === '');
    return model.types.count > 0 && sumOf(known) * 2 >= sumOf(bytes);
}
