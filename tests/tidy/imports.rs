//! What a file uses from elsewhere: its `use` trees taken apart, and the paths in its code.
//!
//! It must not know the rules: it says what is imported, and `layers` whether that is allowed.

use std::collections::BTreeSet;

use crate::source::{Source, body, is_word, name_at, words};

/// One path that a file uses.
pub(crate) struct Import {
    /// Whole path: `crate`, `net`, .. within the crate, or an outside crate's name and so on.
    pub(crate) path: Vec<String>,
    /// Where it stands in the file.
    pub(crate) offset: usize,
}

impl Import {
    /// The module of the own crate that it is from, if it is from the own crate.
    pub(crate) fn module(&self) -> Option<&str> {
        (self.path[0] == "crate").then(|| self.path.get(1).map_or("", String::as_str))
    }

    /// The other crate that it is from. Names of types and of the file's own modules are none.
    fn outside(&self, local: &BTreeSet<String>) -> bool {
        let first = &self.path[0];
        first.starts_with(|c: char| c.is_ascii_lowercase())
            && !["crate", "std", "core", "alloc"].contains(&first.as_str())
            && !local.contains(first)
    }
}

/// All that `source` uses from other modules of its crate (in full, from `crate`) and from others.
///
/// `module` is the file's own path in its crate; `known` are the crates to look for in the code,
/// where a path need not begin with `use`.
pub(crate) fn imports(source: &Source, module: &[String], known: &BTreeSet<String>) -> Vec<Import> {
    let (trees, code) = use_trees(&source.shipped);
    let mut local: BTreeSet<String> = words(&source.shipped, "mod")
        .map(|at| name_at(&source.shipped, at + 3).into())
        .collect();
    let mut found: Vec<Import> = trees
        .into_iter()
        .filter(|import| !local.contains(&import.path[0]))
        .chain(paths(&code, known))
        .collect();
    for import in &mut found {
        resolve(import, &source.shipped, module);
    }
    // `use crate::message::bytes` makes `bytes::..` a path of ours further down.
    let own = found
        .iter()
        .filter(|import| import.module().is_some() && import.path.len() > 2);
    local.extend(own.filter_map(|import| import.path.last().cloned()));
    found.retain(|import| import.module().is_some() || import.outside(&local) || is_std(import));
    found
}

fn is_std(import: &Import) -> bool {
    ["std", "core", "alloc"].contains(&import.path[0].as_str())
}

/// Takes `use` items apart; also hands back the code without them.
fn use_trees(code: &str) -> (Vec<Import>, String) {
    let mut found = Vec::new();
    let mut rest = code.to_owned();
    for at in words(code, "use") {
        // `impl Trait + use<'a>` names what is captured and imports nothing.
        if code[at + 3..].trim_start().starts_with('<') {
            continue;
        }
        let end = code[at..].find(';').map_or(code.len(), |end| at + end);
        expand(&code[at + 3..end], &[], at, &mut found);
        let blanks: String = code[at..end]
            .chars()
            .map(|c| if c == '\n' { c } else { ' ' })
            .collect();
        rest.replace_range(at..end, &blanks);
    }
    (found, rest)
}

/// Adds one `Import` for each leaf of a use tree.
fn expand(tree: &str, prefix: &[String], offset: usize, found: &mut Vec<Import>) {
    let tree = tree.trim().trim_start_matches("::");
    let (head, group) = match tree.split_once('{') {
        Some((head, group)) => (
            head,
            Some(group.rsplit_once('}').map_or(group, |(in_it, _)| in_it)),
        ),
        None => (tree, None),
    };
    let mut path = prefix.to_vec();
    let head = head.split(" as ").next().unwrap_or(head);
    path.extend(
        head.split("::")
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .map(String::from),
    );
    match group {
        Some(group) => {
            for branch in split_branches(group) {
                expand(branch, &path, offset, found);
            }
        }
        None if path.is_empty() => {}
        None => found.push(Import { path, offset }),
    }
}

/// Splits at the commas that are in no inner group.
fn split_branches(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut branches) = (0_i32, 0, Vec::new());
    for (i, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                branches.push(&group[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    branches.push(&group[start..]);
    branches.retain(|branch| !branch.trim().is_empty());
    branches
}

/// Paths in code that begin with `crate`, `super`, `std` or the name of a known crate.
fn paths(code: &str, known: &BTreeSet<String>) -> Vec<Import> {
    let starts = ["crate", "super", "std"]
        .into_iter()
        .chain(known.iter().map(String::as_str));
    let mut found = Vec::new();
    for first in starts {
        for offset in words(code, first) {
            let before = code[..offset].trim_end();
            let inner = before.ends_with("::") || before.ends_with('.');
            if inner || !code[offset + first.len()..].starts_with("::") {
                continue;
            }
            let rest = &code[offset..];
            let end = rest.bytes().position(|byte| !is_word(byte) && byte != b':');
            let path = rest[..end.unwrap_or(rest.len())]
                .split("::")
                .filter(|name| !name.is_empty());
            found.push(Import {
                path: path.map(String::from).collect(),
                offset,
            });
        }
    }
    found
}

/// Turns `self::` and `super::` into a path from `crate`.
fn resolve(import: &mut Import, code: &str, module: &[String]) {
    if !["self", "super"].contains(&import.path[0].as_str()) {
        return;
    }
    let mut base = module.to_vec();
    base.extend(inline_modules(code, import.offset));
    let mut rest = import.path.iter().peekable();
    while let Some(step) = rest.next_if(|name| ["self", "super"].contains(&name.as_str())) {
        if step == "super" {
            base.pop();
        }
    }
    import.path = ["crate".to_owned()]
        .into_iter()
        .chain(base)
        .chain(rest.cloned())
        .collect();
}

/// Names of the `mod name { .. }` around an offset, outermost first.
fn inline_modules(code: &str, offset: usize) -> Vec<String> {
    words(code, "mod")
        .filter(|&at| body(code, at).is_some_and(|body| body.contains(&offset)))
        .map(|at| name_at(code, at + 3).to_owned())
        .collect()
}
