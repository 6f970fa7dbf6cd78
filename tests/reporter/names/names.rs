// SPDX-License-Identifier: MIT
// Blocks that Rust's library allocates for the program. "MARK name" is a line's name.
use std::collections::HashMap;

#[inline(never)]
fn leak_vec(n: usize) {
    let v: Vec<u8> = vec![1u8; n]; // MARK vec
    std::mem::forget(v);
}

#[inline(never)]
fn leak_box() {
    std::mem::forget(Box::new([7u64; 4])); // MARK box
}

#[inline(never)]
fn leak_string() {
    let s = format!("hello {}", std::env::args().count()); // MARK string
    std::mem::forget(s);
}

#[inline(never)]
fn leak_push() {
    let mut v = Vec::new();
    for i in 0..100u32 {
        v.push(i); // MARK push
    }
    std::mem::forget(v);
}

#[inline(never)]
fn leak_map() {
    let mut m: HashMap<u32, String> = HashMap::new();
    m.insert(1, "abc".to_string()); // MARK map
    std::mem::forget(m);
}

struct W<T>(T);

trait Go {
    fn go(&self);
}

impl<T: Clone> Go for W<T> {
    #[inline(never)]
    fn go(&self) {
        std::mem::forget(Box::new(self.0.clone())); // MARK go
    }
}

fn main() {
    leak_vec(1000);
    leak_box();
    leak_string();
    leak_push();
    leak_map();
    W([1u16; 50]).go();
    std::thread::spawn(|| leak_box()).join().unwrap();
}
