// SPDX-License-Identifier: MIT
// Containers of Rust, whose debug information test_generics.c looks at.
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

pub struct Node {
    pub next: Option<Box<Node>>,
    pub value: u64,
}

fn node(value: u64) -> Node {
    Node { next: None, value }
}

#[inline(never)]
pub fn boxed(value: u64) -> Box<Node> {
    Box::new(node(value))
}

#[inline(never)]
pub fn counted(value: u64) -> Rc<Node> {
    Rc::new(node(value))
}

#[inline(never)]
pub fn shared(value: u64) -> Arc<Node> {
    Arc::new(node(value))
}

#[inline(never)]
pub fn list(count: usize) -> Vec<Node> {
    let mut nodes = Vec::with_capacity(count);
    nodes.push(node(3));
    nodes
}

#[inline(never)]
pub fn map(key: u32) -> HashMap<u32, Node> {
    let mut nodes = HashMap::new();
    nodes.insert(key, node(4));
    nodes
}

fn main() {
    let n = std::env::args().count();
    println!(
        "{} {} {} {} {}",
        boxed(n as u64).value,
        counted(n as u64).value,
        shared(n as u64).value,
        list(n).len(),
        map(n as u32).len()
    );
}
