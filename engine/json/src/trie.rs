use defacto_model::RawPath;

/// The paths of an extractor, merged by their steps.
#[derive(Debug)]
pub(crate) struct Trie {
    nodes: Vec<Node>,
}

/// One place in a record.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Steps further down, sorted by key.
    children: Vec<Child>,
    /// Slots that take the value found here.
    pub(crate) slots: Vec<Slot>,
    /// Whether the value must be read whole: it is wanted itself, or steps count from an array's end.
    pub(crate) whole: bool,
}

#[derive(Debug)]
struct Child {
    key: String,
    index: Option<usize>,
    node: usize,
}

/// Where an extracted value goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub(crate) number: usize,
    /// Found as a top-level key equal to the whole path: wins over the steps.
    pub(crate) literal: bool,
}

/// The top of the trie.
pub(crate) const ROOT: usize = 0;
/// Up to so many children are searched one by one.
const LINEAR_MAX: usize = 12;

/// An index into an array, as a step of a path writes it.
pub(crate) fn array_index(step: &str, length: usize) -> Option<usize> {
    match step.strip_prefix('-') {
        Some(digits) => length.checked_sub(decimal(digits).filter(|&back| back > 0)?),
        None => decimal(step),
    }
}

fn decimal(digits: &str) -> Option<usize> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

impl Trie {
    pub(crate) fn new(paths: &[RawPath]) -> Self {
        let mut trie = Self { nodes: vec![Node::default()] };
        for (number, path) in paths.iter().enumerate() {
            let mut at = ROOT;
            for step in path.path.split('.') {
                at = trie.step(at, step);
            }
            trie.add(at, Slot { number, literal: false });
            if path.literal_first && path.path.contains('.') {
                let at = trie.step(ROOT, &path.path);
                trie.add(at, Slot { number, literal: true });
            }
        }
        for node in &mut trie.nodes {
            node.whole = !node.slots.is_empty()
                || node.children.iter().any(|child| child.key.starts_with('-'));
        }
        trie
    }

    fn add(&mut self, at: usize, slot: Slot) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.slots.push(slot);
        }
    }

    fn step(&mut self, at: usize, key: &str) -> usize {
        let fresh = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else { return at };
        let place = match node.children.binary_search_by(|child| child.key.as_str().cmp(key)) {
            Ok(found) => return node.children.get(found).map_or(at, |child| child.node),
            Err(place) => place,
        };
        let child = Child { key: key.to_owned(), index: decimal(key), node: fresh };
        node.children.insert(place, child);
        self.nodes.push(Node::default());
        fresh
    }

    #[inline]
    pub(crate) fn node(&self, at: usize) -> Option<&Node> {
        self.nodes.get(at)
    }
}

impl Node {
    /// Nodes reached by a key of an object.
    #[inline]
    pub(crate) fn by_key(&self, key: &str) -> Option<usize> {
        if self.children.len() <= LINEAR_MAX {
            self.children.iter().find(|child| child.key == key).map(|child| child.node)
        } else {
            let found = self.children.binary_search_by(|child| child.key.as_str().cmp(key)).ok()?;
            self.children.get(found).map(|child| child.node)
        }
    }

    /// Nodes reached by an element of an array, counted from its start.
    pub(crate) fn by_index(&self, index: usize) -> impl Iterator<Item = usize> + '_ {
        self.children.iter().filter(move |child| child.index == Some(index)).map(|child| child.node)
    }

    /// Keys and nodes further down.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&str, usize)> + '_ {
        self.children.iter().map(|child| (child.key.as_str(), child.node))
    }
}
