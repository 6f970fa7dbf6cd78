// SPDX-License-Identifier: MIT
// For node: JSON, Map, closures, crypto in its thread pool, zlib, worker threads, a child process.
'use strict';
const crypto = require('crypto');
const zlib = require('zlib');
const {execFileSync} = require('child_process');
const {Worker, isMainThread, parentPort, workerData} = require('worker_threads');

function count(seed) {
    const map = new Map();
    let state = seed;
    for (let i = 0; i < 100000; i++) {
        state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
        const key = 'k' + (state >> 8) % 5000;
        map.set(key, (map.get(key) || 0) + 1);
    }
    return [...map.entries()].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, 3);
}

async function main() {
    const records = Array.from({length: 20000}, (_, i) => ({id: i, name: 'name ' + i, half: i / 2}));
    const text = JSON.stringify(records);
    const again = JSON.parse(text).filter((record) => record.id % 3 === 0);
    console.log(text.length, again.length, crypto.createHash('sha256').update(text).digest('hex'));
    console.log(count(1));
    const keys = await Promise.all([1, 2, 3, 4, 5, 6].map((i) => new Promise((resolve, reject) => {
        const done = (error, key) => (error ? reject(error) : resolve(key.toString('hex')));
        if (i % 2) {
            crypto.pbkdf2('password', 'salt' + i, 2000, 32, 'sha512', done);
        } else {
            crypto.scrypt('password', 'salt' + i, 32, {N: 1024}, done);
        }
    })));
    console.log(keys);
    const buffers = [];
    for (let i = 0; i < 200; i++) {
        buffers.push(Buffer.alloc(i * 1000, i));
    }
    const whole = Buffer.concat(buffers);
    const packed = zlib.gzipSync(whole);
    console.log(whole.length, zlib.gunzipSync(packed).equals(whole));
    const results = await Promise.all([2, 3, 4].map((seed) => new Promise((resolve, reject) => {
        const worker = new Worker(__filename, {workerData: seed});
        worker.on('message', resolve);
        worker.on('error', reject);
    })));
    console.log(results);
    console.log(execFileSync('sh', ['-c', 'echo from a shell']).toString());
}

if (isMainThread) {
    main();
} else {
    parentPort.postMessage(count(workerData));
}
