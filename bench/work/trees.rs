// SPDX-License-Identifier: MIT
// What rustc compiles: generic code, closures and formatting.
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt::{Debug, Display};
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Value {
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Value>),
    Table(BTreeMap<String, Value>),
}

#[derive(Debug)]
pub struct Node<K, V> {
    key: K,
    value: V,
    left: Option<Box<Node<K, V>>>,
    right: Option<Box<Node<K, V>>>,
}

impl<K: Ord + Clone + Debug, V: Clone + Debug> Node<K, V> {
    pub fn new(key: K, value: V) -> Self {
        Node { key, value, left: None, right: None }
    }

    pub fn insert(&mut self, key: K, value: V) {
        let side = if key < self.key { &mut self.left } else { &mut self.right };
        match side {
            Some(node) => node.insert(key, value),
            None => *side = Some(Box::new(Node::new(key, value))),
        }
    }

    pub fn walk<F: FnMut(&K, &V)>(&self, visit: &mut F) {
        if let Some(node) = &self.left {
            node.walk(visit);
        }
        visit(&self.key, &self.value);
        if let Some(node) = &self.right {
            node.walk(visit);
        }
    }

    pub fn depth(&self) -> usize {
        let left = self.left.as_ref().map_or(0, |node| node.depth());
        let right = self.right.as_ref().map_or(0, |node| node.depth());
        1 + left.max(right)
    }
}

pub fn parse(words: &mut VecDeque<&str>) -> Result<Value, String> {
    match words.pop_front() {
        None => Ok(Value::Nothing),
        Some("[") => {
            let mut list = Vec::new();
            while words.front().map_or(false, |word| *word != "]") {
                list.push(parse(words)?);
            }
            words.pop_front().ok_or_else(|| "no end".to_string())?;
            Ok(Value::List(list))
        }
        Some(word) if word.starts_with('"') => Ok(Value::Text(word.trim_matches('"').to_string())),
        Some(word) => word.parse().map(Value::Number).map_err(|error| format!("{word}: {error}")),
    }
}

pub fn describe<T: Display + Debug, I: IntoIterator<Item = T>>(items: I) -> String {
    items.into_iter().map(|item| format!("{item} {item:?}")).collect::<Vec<_>>().join(", ")
}

macro_rules! shapes {
    ($($name:ident: $count:expr),*) => {$(
        pub fn $name(input: &[String]) -> HashMap<String, Vec<(usize, Rc<Value>)>> {
            let mut result: HashMap<String, Vec<(usize, Rc<Value>)>> = HashMap::new();
            let seen: HashSet<&String> = input.iter().filter(|text| text.len() > $count).collect();
            for (i, text) in input.iter().enumerate().filter(|(_, text)| seen.contains(text)) {
                let mut words: VecDeque<&str> = text.split_whitespace().collect();
                match parse(&mut words) {
                    Ok(value) => result.entry(text.clone()).or_default().push((i, Rc::new(value))),
                    Err(error) => eprintln!("{}: {error}", stringify!($name)),
                }
            }
            let mut root = Node::new($count as usize, describe(0..$count));
            for list in result.values_mut() {
                list.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                list.iter().for_each(|(i, value)| root.insert(*i, format!("{value:?}")));
            }
            let mut total = root.depth();
            root.walk(&mut |key, value| total += key + value.len());
            assert!(total > $count);
            result
        }
    )*};
}

shapes!(one: 1, two: 2, three: 3, four: 4, five: 5, six: 6, seven: 7, eight: 8);
