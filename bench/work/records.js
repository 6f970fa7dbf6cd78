// SPDX-License-Identifier: MIT
// Objects, maps, strings and JSON, then buffers, which V8 takes from malloc.
const { createHash } = require('crypto');

const index = new Map();
for (let i = 0; i < 600000; i++) {
    const key = `key-${i * 7919 % 100003}`;
    index.set(key, { id: i, name: key.toUpperCase(), parts: key.split('-') });
}
const text = JSON.stringify([...index.values()]);
const sum = JSON.parse(text).reduce((total, record) => total + record.id, 0);

const hash = createHash('sha256');
const kept = [];
for (let i = 0; i < 400000; i++) {
    const buffer = Buffer.alloc(64 + i % 5000, i);
    if (i % 100 === 0) {
        kept.push(buffer);
    }
    if (i % 1000 === 0) {
        hash.update(buffer);
    }
}
console.log(index.size, text.length, sum, kept.length, hash.digest('hex'));
