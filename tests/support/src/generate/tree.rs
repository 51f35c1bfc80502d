use std::fmt;

/// JSON with maps in written order.
#[derive(Debug, Clone)]
pub(crate) enum Tree {
    /// A text.
    Text(String),
    /// Anything else that is a scalar, as written.
    Raw(String),
    /// A list.
    List(Vec<Tree>),
    /// A map.
    Map(Vec<(String, Tree)>),
}

impl Tree {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn raw(text: impl fmt::Display) -> Self {
        Self::Raw(text.to_string())
    }

    pub(crate) fn map<K: Into<String>>(entries: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Map(entries.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// Removes the entry or item before which `left` others stand; otherwise counts those here.
    pub(crate) fn remove(&mut self, left: &mut usize) -> bool {
        match self {
            Self::Text(_) | Self::Raw(_) => false,
            Self::List(items) => {
                let mut at = 0;
                while let Some(item) = items.get_mut(at) {
                    if *left == 0 {
                        items.remove(at);
                        return true;
                    }
                    *left -= 1;
                    if item.remove(left) {
                        return true;
                    }
                    at += 1;
                }
                false
            }
            Self::Map(entries) => {
                let mut at = 0;
                while let Some((_, entry)) = entries.get_mut(at) {
                    if *left == 0 {
                        entries.remove(at);
                        return true;
                    }
                    *left -= 1;
                    if entry.remove(left) {
                        return true;
                    }
                    at += 1;
                }
                false
            }
        }
    }

    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let string = |f: &mut fmt::Formatter<'_>, text: &str| {
            let mut out = String::new();
            defacto_json::write_string(&mut out, text);
            f.write_str(&out)
        };
        match self {
            Self::Text(text) => string(f, text),
            Self::Raw(text) => f.write_str(text),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        f.write_str(",")?;
                    }
                    item.fmt(f)?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (at, (key, value)) in entries.iter().enumerate() {
                    if at > 0 {
                        f.write_str(",")?;
                    }
                    string(f, key)?;
                    f.write_str(":")?;
                    value.fmt(f)?;
                }
                f.write_str("}")
            }
        }
    }
}
