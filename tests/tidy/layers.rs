//! Checks of what imports what. The rules are the table at the top of `tidy.rs`.

use std::collections::BTreeSet;

use crate::imports::{Import, imports};
use crate::source::{Source, words};

/// One row of the table: a top-level module of the container and what it may import.
pub(crate) struct Layer {
    pub(crate) module: &'static str,
    /// Modules of the container, or `ANY`.
    pub(crate) inside: &'static [&'static str],
    /// Other crates, or `ANY`.
    pub(crate) outside: &'static [&'static str],
}

/// In place of a list: everything.
pub(crate) const ANY: &[&str] = &["*"];

/// All rows, and what holds for every one of them.
pub(crate) struct Table {
    pub(crate) layers: &'static [Layer],
    /// Modules that every row may import besides its own list.
    pub(crate) common: &'static [&'static str],
    /// The module that nobody may import.
    pub(crate) unimported: &'static str,
}

impl Table {
    fn layer(&self, module: &str) -> Option<&'static Layer> {
        self.layers.iter().find(|layer| layer.module == module)
    }

    /// Crates whose paths are looked for in the code too.
    fn known(&self) -> BTreeSet<String> {
        self.layers
            .iter()
            .flat_map(|layer| layer.outside)
            .map(|name| (*name).to_owned())
            .collect()
    }

    /// Every import of `source` that the table does not allow.
    pub(crate) fn check(&self, source: &Source) -> Vec<String> {
        let module = module_path(&source.path);
        let Some(own) = module.first() else {
            return Vec::new(); // lib.rs re-exports, and does nothing else
        };
        let Some(layer) = self.layer(own) else {
            return vec![format!(
                "{}:1: module `{own}` is not in the layer table",
                source.path
            )];
        };
        imports(source, &module, &self.known())
            .iter()
            .filter_map(|import| {
                let reason = self.refuse(layer, import)?;
                Some(format!("{}: {reason}", source.place(import.offset)))
            })
            .collect()
    }

    /// Why `layer` may not have this import.
    fn refuse(&self, layer: &Layer, import: &Import) -> Option<String> {
        let own = layer.module;
        let allowed = |list: &[&str], name: &str| list == ANY || list.contains(&name);
        let Some(module) = import.module() else {
            let name = import.path[0].as_str();
            let fine = name == "std" || name == "core" || name == "alloc";
            return (!fine && !allowed(layer.outside, name))
                .then(|| format!("`{own}` may not use the crate `{name}`"));
        };
        if module == own {
            None
        } else if self.layer(module).is_none() {
            Some(format!(
                "`crate::{module}` is no layer: import from the module that defines it"
            ))
        } else if module == self.unimported {
            Some(format!("nobody imports `{module}`"))
        } else if allowed(layer.inside, module) || self.common.contains(&module) {
            None
        } else {
            Some(format!("`{own}` may not import `{module}`"))
        }
    }

    /// Files outside `meeting` that import all of `both`: the arms of the Y meet in one place.
    pub(crate) fn check_meeting(
        &self,
        source: &Source,
        both: [&str; 2],
        meeting: &[&str],
    ) -> Vec<String> {
        if meeting.iter().any(|place| source.path.starts_with(place)) {
            return Vec::new();
        }
        let found = imports(source, &module_path(&source.path), &self.known());
        let first = |name| found.iter().find(|import| import.module() == Some(name));
        match (first(both[0]), first(both[1])) {
            (Some(_), Some(second)) if !module_path(&source.path).is_empty() => vec![format!(
                "{}: `{}` and `{}` may meet only in {}",
                source.place(second.offset),
                both[0],
                both[1],
                meeting.join(" and "),
            )],
            _ => Vec::new(),
        }
    }

    /// In the sans-IO modules, every mention of a clock and every import of sockets or threads.
    pub(crate) fn check_pure(
        &self,
        source: &Source,
        pure: &[&str],
        forbidden: &[&str],
    ) -> Vec<String> {
        let module = module_path(&source.path);
        if !module
            .first()
            .is_some_and(|own| pure.contains(&own.as_str()))
        {
            return Vec::new();
        }
        let of_std = imports(source, &module, &self.known());
        let paths = of_std
            .iter()
            .map(|import| (import.path.join("::"), import.offset));
        let calls = forbidden.iter().flat_map(|name| {
            let found: Vec<usize> = words(&source.shipped, name).collect();
            found.into_iter().map(|at| ((*name).to_owned(), at))
        });
        let hits: BTreeSet<(usize, String)> = paths
            .chain(calls)
            .filter_map(|(path, at)| {
                let name = forbidden.iter().find(|name| path.starts_with(**name))?;
                Some((at, (*name).to_owned()))
            })
            .collect();
        let own = &module[0];
        hits.iter()
            .map(|(at, name)| format!("{}: `{own}` may not use `{name}`", source.place(*at)))
            .collect()
    }
}

/// `container/src/net/stream.rs` is `["net", "stream"]`; `lib.rs` is empty.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.split_once("src/").map_or(path, |(_, inside)| inside);
    let mut names: Vec<String> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(String::from)
        .collect();
    if names
        .last()
        .is_some_and(|name| ["mod", "lib", "main"].contains(&name.as_str()))
    {
        names.pop();
    }
    names
}
